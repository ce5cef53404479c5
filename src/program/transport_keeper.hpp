// SPDX-License-Identifier: Apache-2.0
//
// TransportKeeper: the Transports in use, one for each upstream, and what they were made from. A
// reload keeps one as long as the name of its upstream, its options and the contents of its TLS
// files are the same, so that connections to the backend and tunnels stay; limits change in place.
// Otherwise there is a new one, and the old one ends with the last of its requests. An Upstream
// stays as long as its settings do; it gets the new list of backends, and keeps the state of those
// that it had, as does one that takes its place. get(), statistics() and endpoints() may be called
// from any thread.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/transport.hpp>
#include <onehop/upstream.hpp>

#include "config/configuration.hpp"
#include "observe/upstream_endpoints.hpp"
#include "observe/upstream_statistics.hpp"
#include "program/proxy_for.hpp"
#include "program/transport_ledger.hpp"
#include "transport/named_origins.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::program {

class TransportKeeper {
 public:
  // A Transport, the Upstream over it, and what they were made from.
  struct One {
    std::shared_ptr<Transport> transport;
    Transport::Options options;
    std::size_t files = 0;  // of the contents of the TLS files, to see a change
    bool is_new = false;
    // The one backend, without an upstream. The last of those that name it closes its connections.
    std::shared_ptr<const transport::NamedOrigins> origin = {};
    // Over the transport; null for one backend without settings of an upstream.
    std::shared_ptr<Upstream> upstream = {};
    config::UpstreamSettings settings = {};
    std::size_t sticky_key = 0;  // of the contents of the file
    bool host_of_endpoint = false;
    std::vector<Upstream::Endpoint> endpoints = {};
    std::vector<config::BackendAddress> backends = {};  // that these were made from
    bool has_new_upstream = false;
  };
  // Those of a configuration that is not in use yet, by TableSettings::connections.
  struct Prepared {
    std::map<std::string, One> all;

    Transports transports() const;
    bool has_new() const;
  };

  // `on_change` gets a line for a log when the state of a backend has changed, from any thread.
  explicit TransportKeeper(std::function<void(std::string_view)> on_change = {});

  // Errors: Errc::bad_option for TLS files that cannot be used. Nothing in use has changed.
  Result<Prepared> prepare(const config::Configuration& configuration) const;
  // Cannot fail.
  void commit(Prepared prepared) noexcept;
  // Another process serves: the health checks and the look-ups of names are its own from here on.
  void end_checks() noexcept;
  // The one in use of that upstream; null if there is none. From any thread.
  std::shared_ptr<Transport> get(const std::string& connections = {}) const;
  // The sums of the transports of each upstream since the start; open and idle connections are also
  // of those that a reload has replaced and that still have requests. From any thread.
  observe::UpstreamStatistics statistics() const { return ledger_->statistics(); }
  // The endpoints of each Upstream in use, by TableSettings::connections. From any thread.
  observe::Endpoints endpoints() const;

 private:
  Result<One> prepare_one(const config::Configuration& configuration) const;
  Result<void> prepare_upstream(const config::Configuration& configuration,
                                const One& before,
                                One& next) const;
  void update(const One& one) const noexcept;

  const std::function<void(std::string_view)> on_change_;
  // Of sticky cookies. Upstreams share it, so that a client stays at its backend in every route to
  // it, and after a reload.
  const std::string cookie_key_;
  const std::shared_ptr<TransportLedger> ledger_ = std::make_shared<TransportLedger>();
  mutable std::mutex mutex_;
  Prepared current_;
};

}  // namespace onehop::program
