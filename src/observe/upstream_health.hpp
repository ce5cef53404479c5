// SPDX-License-Identifier: Apache-2.0
//
// The health of an upstream, decided here for every form it is shown in.
//
// A backend is down if the last attempt to connect to any of its addresses has failed and no
// request has had a connection to it since. All of its addresses are down then; otherwise an
// address is down if the same is true of it alone. An upstream is down if all of its backends are,
// whatever other upstreams are. Failures caused by a shortage on this machine say nothing about a
// backend. Addresses that no backend in use leads to are draining as long as they have connections.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include "observe/configured_upstream.hpp"
#include "observe/former_backend.hpp"
#include "observe/request_totals.hpp"

#include <string>
#include <vector>

namespace onehop::observe {

// The health of an upstream follows from these, and from its requests.
struct UpstreamFacts {
  const Transport::Statistics& transport;          // of this upstream alone
  const std::vector<ConfiguredBackend>& backends;  // those in use
  bool is_configured;                              // else it was removed
  const FormerBackend& former;
};

// Adds to each address of `upstream` its backend, health, connections and requests in progress, and
// the addresses that have only these. While no address of a backend is known, it has one by the
// name in its URL. Returns those that nothing uses and no backend in use leads to; they are not in
// `upstream` any more.
std::vector<std::string> add_health(RequestTotals::Upstream& upstream, const UpstreamFacts& facts);

// "127.0.0.1:8000", "localhost:8000" or "unix:/run/app.sock", as ExchangeRecord::upstream has it.
std::string address_of(const Url& backend);

}  // namespace onehop::observe
