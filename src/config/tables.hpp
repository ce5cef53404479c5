// SPDX-License-Identifier: Apache-2.0
//
// The tables of configuration files, as the program uses them.
// Thread: any; constant.
#pragma once

#include <onehop/limit.hpp>
#include <onehop/routes.hpp>
#include <onehop/url.hpp>

#include "config/configuration.hpp"
#include "config/given.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

using GivenTables = std::vector<GivenTable>;

// Reports whether a file has a [[route]].
bool has_routes(const GivenTables& tables);

// The conditions and the prefixes of a [[route]], without a handler.
Route route_for(const TableSettings& table);

// Reports whether there is a backend, at the top or of a route.
bool sends_requests_on(const Configuration& configuration);

// The largest max-body at the top and in routes. The server enforces it before a route is known;
// routes enforce what is below it.
Limit<std::uint64_t> largest_max_body(const Configuration& configuration);

// A backend, and the name servers for its name; none: those of the system.
struct NamedBackend {
  Url url;
  std::vector<std::string> dns_servers = {};

  friend bool operator==(const NamedBackend&, const NamedBackend&) = default;
};
// The backend at the top, or of a table.
NamedBackend named_backend(const Configuration& configuration);

// The backends that requests may go to, each once: those at the top first. The servers of services
// are not among them.
std::vector<NamedBackend> named_backends_of(const Configuration& configuration);
std::vector<Url> backends_of(const Configuration& configuration);

// The same with the table that uses each; null: the top.
struct UsedBackend {
  Url url;
  const Configuration* table = nullptr;
};
std::vector<UsedBackend> used_backends(const Configuration& configuration);

// The backends of an upstream.
struct UpstreamBackends {
  std::string upstream;  // TableSettings::connections
  std::vector<NamedBackend> backends;

  friend bool operator==(const UpstreamBackends&, const UpstreamBackends&) = default;
};
// Those of each upstream that requests may go to, each list once: the backends that get requests
// while they work. Without upstreams that have a service, whose servers are not known.
std::vector<UpstreamBackends> needed_backends(const Configuration& configuration);

// An upstream that requests may go to.
struct UsedUpstream {
  std::string name;           // TableSettings::connections
  std::vector<Url> backends;  // each once; the servers of services are not among them
  bool has_service = false;
};
// That at the top first.
std::vector<UsedUpstream> used_upstreams(const Configuration& configuration);

// Reports whether requests go to an Upstream. One backend without settings of an upstream needs
// only a Transport.
bool needs_upstream(const Configuration& configuration);

// The configuration itself, and those of its tables.
std::vector<const Configuration*> with_tables(const Configuration& configuration);

// The values of a setting in a table itself; null if it has none.
const Given* given_in(const GivenTable& table, std::string_view setting);
// The same for `table`, which is one of the configuration's. Those of a route may be in the
// upstream that it names.
const Given* given_in(const GivenTables& tables,
                      const Configuration& configuration,
                      const Configuration& table,
                      std::string_view setting);
// The table that a route names as its upstream; null if there is none.
const GivenTable* upstream_of(const GivenTables& tables, const GivenTable& route);

}  // namespace onehop::config
