// SPDX-License-Identifier: Apache-2.0
#include "config/tables.hpp"

#include "config/setting_names.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

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

NamedBackend named_backend(const Configuration& configuration) {
  return {configuration.backend, configuration.transport.dns_servers};
}

std::vector<NamedBackend> named_backends_of(const Configuration& configuration) {
  std::vector<NamedBackend> backends;
  const auto add = [&backends](const Url& url, const Configuration& of) {
    NamedBackend one{url, of.transport.dns_servers};
    if (url.is_absolute() && std::ranges::find(backends, one) == backends.end())
      backends.push_back(std::move(one));
  };
  const auto add_all = [&add](const Configuration& one) {
    if (!have_service(one.backends)) add(one.backend, one);
    for (const BackendAddress& backend : one.backends) {
      if (backend.service.empty()) add(backend.url, one);
    }
  };
  add_all(configuration);
  for (const auto& route : configuration.routes) {
    if (route->table.leads_to_backend()) add_all(*route);
  }
  return backends;
}

std::vector<Url> backends_of(const Configuration& configuration) {
  std::vector<Url> urls;
  for (NamedBackend& backend : named_backends_of(configuration)) {
    if (std::ranges::find(urls, backend.url) == urls.end()) urls.push_back(std::move(backend.url));
  }
  return urls;
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
