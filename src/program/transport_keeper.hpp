// SPDX-License-Identifier: Apache-2.0
//
// TransportKeeper owns the Transports in use, one for each upstream, with the settings that each
// was built from. A reload keeps a Transport if the name of its upstream, its options and the
// contents of its TLS files are the same, so that connections to the backend and tunnels stay;
// limits change in place. Otherwise a new Transport replaces it, and the old one ends with its last
// request. An Upstream stays while its settings and the name of its list are the same; it gets the
// new list of backends and keeps the state of the backends that stay, as does a new Upstream that
// replaces it. get(), statistics() and endpoints() may be called from any thread.
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
  // A Transport, the Upstream over it, and the settings that they were built from.
  struct One {
    std::shared_ptr<Transport> transport;
    Transport::Options options;
    std::size_t files = 0;  // hash of the contents of the TLS files, to detect a change
    bool is_new = false;
    // The one backend if there is no upstream. Its connections close with the last One that names
    // it.
    std::shared_ptr<const transport::NamedOrigins> origin = {};
    // Uses the transport; null for one backend without upstream settings.
    std::shared_ptr<Upstream> upstream = {};
    config::UpstreamSettings settings = {};
    std::size_t sticky_key = 0;  // hash of the contents of the key file
    bool host_of_endpoint = false;
    std::vector<Upstream::Endpoint> endpoints = {};
    std::vector<config::BackendAddress> backends = {};  // that `endpoints` was built from
    std::string list = {};  // TableSettings::backends; sticky cookies are named after it
    bool has_new_upstream = false;
  };
  // The transports of a configuration that is not in use yet, by TableSettings::connections.
  struct Prepared {
    std::map<std::string, One> all;

    Transports transports() const;
    bool has_new() const;
  };

  // `on_change` receives a log line when the state of a backend changes, from any thread.
  explicit TransportKeeper(std::function<void(std::string_view)> on_change = {});

  // Builds new transports. Those in use do not change. Errors: Errc::bad_option for TLS files that
  // cannot be used.
  Result<Prepared> prepare(const config::Configuration& configuration) const;
  // Puts `prepared` into use. Cannot fail.
  void commit(Prepared prepared) noexcept;
  // Ends the health checks and name lookups of this process, because another process serves.
  void end_checks() noexcept;
  // Returns the transport in use of that upstream, or null. May be called from any thread.
  std::shared_ptr<Transport> get(const std::string& connections = {}) const;
  // Returns the statistics of each upstream since the start, summed over its transports. Open and
  // idle connections include those of replaced transports that still have requests. May be called
  // from any thread.
  observe::UpstreamStatistics statistics() const { return ledger_->statistics(); }
  // Returns the endpoints of each Upstream in use by TableSettings::connections. May be called from
  // any thread.
  observe::Endpoints endpoints() const;

 private:
  Result<One> prepare_one(const config::Configuration& configuration) const;
  Result<void> prepare_upstream(const config::Configuration& configuration,
                                const One& before,
                                One& next) const;
  void update(const One& one) const noexcept;

  const std::function<void(std::string_view)> on_change_;
  // The key of sticky cookies. All upstreams share it, so that a client keeps its backend across
  // routes to that backend, and after a reload.
  const std::string cookie_key_;
  const std::shared_ptr<TransportLedger> ledger_ = std::make_shared<TransportLedger>();
  mutable std::mutex mutex_;
  Prepared current_;
};

}  // namespace onehop::program
