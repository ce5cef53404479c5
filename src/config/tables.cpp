// SPDX-License-Identifier: Apache-2.0
#include "config/tables.hpp"

#include "config/setting_names.hpp"

#include <algorithm>
#include <cstddef>

namespace onehop::config {

bool has_routes(const GivenTables& tables) {
  return std::ranges::count(tables, TableKind::route, &GivenTable::kind) > 0;
}

Route route_for(const TableSettings& table) {
  return {.name = {},
          .hosts = table.hosts,
          .path = table.path,
          .method = table.method,
          .header = table.header,
          .to = nullptr,
          .strip_prefix = table.strip_prefix,
          .add_prefix = table.add_prefix,
          .map_back = table.map_back};
}

Limit<std::uint64_t> largest_max_body(const Configuration& configuration) {
  std::uint64_t largest = configuration.server.max_body;
  for (const auto& route : configuration.routes)
    largest = std::max(largest, route->server.max_body.value());
  return largest;
}

std::vector<Url> backends_of(const Configuration& configuration) {
  std::vector<Url> backends;
  const auto add = [&backends](const Url& one) {
    if (one.is_absolute() && std::ranges::find(backends, one) == backends.end())
      backends.push_back(one);
  };
  const auto add_all = [&add](const Configuration& one) {
    if (!have_service(one.backends)) add(one.backend);
    for (const BackendAddress& backend : one.backends) {
      if (backend.service.empty()) add(backend.url);
    }
  };
  add_all(configuration);
  for (const auto& route : configuration.routes) {
    if (route->table.leads_to_backend()) add_all(*route);
  }
  return backends;
}

bool needs_upstream(const Configuration& configuration) {
  return configuration.backends.size() > 1 || have_service(configuration.backends) ||
         configuration.upstream != UpstreamSettings();
}

std::vector<const Configuration*> with_tables(const Configuration& configuration) {
  std::vector<const Configuration*> all = {&configuration};
  for (const auto& tables : {configuration.upstreams, configuration.routes}) {
    for (const auto& table : tables)
      all.push_back(table.get());
  }
  return all;
}

const Given* given_in(const GivenTable& table, std::string_view name) {
  const auto found = table.given.find(find_setting(table.kind, name));
  return found == table.given.end() ? nullptr : &found->second;
}

const Given* given_in(const GivenTables& tables,
                      const Configuration& configuration,
                      const Configuration& table,
                      std::string_view setting) {
  std::size_t route = 0;
  for (const GivenTable& given : tables) {
    if (given.kind == TableKind::upstream) {
      if (table.table.title == "upstream." + given.name) return given_in(given, setting);
    } else if (configuration.routes[route++].get() == &table) {
      return given_in(given, setting);
    }
  }
  return nullptr;
}

}  // namespace onehop::config
