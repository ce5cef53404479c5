// SPDX-License-Identifier: Apache-2.0
//
// Decides the health of an upstream, for all pages that show it.
//
// A backend is down if the last attempt to connect to any of its addresses has failed and no
// request has had a connection to it since. All of its addresses are then down. Otherwise, an
// address is down if the same is true of it alone. An upstream is down if all of its backends are.
// Failures caused by a shortage on this machine do not count. An address that no backend in use
// resolves to is draining as long as it has connections.
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

// The facts that, together with its requests, decide the health of an upstream.
struct UpstreamFacts {
  const Transport::Statistics& transport;          // of this upstream alone
  const std::vector<ConfiguredBackend>& backends;  // those in use
  bool is_configured;                              // false if it was removed
  const FormerBackend& former;
};

// Adds to each address of `upstream` its backend, health, connections and requests in progress.
// Adds addresses that have connections but no counted requests, and one for a backend that is down
// and has no known address, made from its URL. Removes unused addresses that no backend in use
// resolves to, and returns them.
std::vector<std::string> add_health(RequestTotals::Upstream& upstream, const UpstreamFacts& facts);

// Returns the address in the form of ExchangeRecord::upstream: "127.0.0.1:8000", "localhost:8000"
// or "unix:/run/app.sock".
std::string address_of(const Url& backend);

}  // namespace onehop::observe
