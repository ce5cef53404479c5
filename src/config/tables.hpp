// SPDX-License-Identifier: Apache-2.0
//
// Functions on the tables of configuration files, for the program.
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

// Returns the conditions and the prefixes of a [[route]], without a handler.
Route route_for(const TableSettings& table);

// Reports whether requests may go to a backend, at the top or of a route.
bool sends_requests_on(const Configuration& configuration);

// Returns the largest max-body at the top and in routes. The server enforces it before the route is
// known; a route enforces its own lower limit.
Limit<std::uint64_t> largest_max_body(const Configuration& configuration);

// A backend, and the name servers that resolve its name; none for those of the system.
struct NamedBackend {
  Url url;
  std::vector<std::string> dns_servers = {};

  friend bool operator==(const NamedBackend&, const NamedBackend&) = default;
};
// Returns the first backend at the top, or of a table.
NamedBackend named_backend(const Configuration& configuration);

// Return the backends that requests may go to, each once, those at the top first. The servers of
// services are not included.
std::vector<NamedBackend> named_backends_of(const Configuration& configuration);
std::vector<Url> backends_of(const Configuration& configuration);

// A backend, and the first table that uses it; null for the top.
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
// Returns, for each upstream that requests may go to, the backends with a positive weight. Equal
// lists are returned once. Upstreams with a service are left out, since their servers are not
// known.
std::vector<UpstreamBackends> needed_backends(const Configuration& configuration);

// An upstream that requests may go to.
struct UsedUpstream {
  std::string name;           // TableSettings::connections
  std::vector<Url> backends;  // each once; without the servers of services
  bool has_service = false;
};
// Returns the upstreams, the one at the top first.
std::vector<UsedUpstream> used_upstreams(const Configuration& configuration);

// Reports whether requests need an Upstream. A single backend without settings of an upstream needs
// only a Transport.
bool needs_upstream(const Configuration& configuration);

// Returns the configuration itself and those of its tables.
std::vector<const Configuration*> with_tables(const Configuration& configuration);

// Returns the values that a table itself has for a setting; null if it has none.
const Given* given_in(const GivenTable& table, std::string_view setting);
// Does the same for `table`, a table of the configuration. The values for a route may be in the
// upstream that the route names.
const Given* given_in(const GivenTables& tables,
                      const Configuration& configuration,
                      const Configuration& table,
                      std::string_view setting);
// Returns the table of the upstream that a route names; null if there is none.
const GivenTable* upstream_of(const GivenTables& tables, const GivenTable& route);

}  // namespace onehop::config
