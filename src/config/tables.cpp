// SPDX-License-Identifier: Apache-2.0
#include "config/tables.hpp"

#include "config/setting_names.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace onehop::config {
namespace {

// Calls visit(url, table) for each backend that requests may go to, those at the top first. Skips
// services, whose servers are not known.
template <class Visit>
void visit_backends(const Configuration& configuration, Visit visit) {
  const auto visit_all = [&visit](const Configuration& table) {
    if (!have_service(table.backends) && table.backend.is_absolute()) visit(table.backend, table);
    for (const BackendAddress& backend : table.backends) {
      if (backend.service.empty()) visit(backend.url, table);
    }
  };
  visit_all(configuration);
  for (const auto& route : configuration.routes) {
    if (route->table.leads_to_backend()) visit_all(*route);
  }
}

}  // namespace

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

bool sends_requests_on(const Configuration& configuration) {
  return configuration.backend.is_absolute() ||
         std::ranges::any_of(configuration.routes,
                             [](const auto& route) { return route->table.leads_to_backend(); });
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
  visit_backends(configuration, [&backends](const Url& url, const Configuration& table) {
    NamedBackend one{url, table.transport.dns_servers};
    if (std::ranges::find(backends, one) == backends.end()) backends.push_back(std::move(one));
  });
  return backends;
}

std::vector<UsedBackend> used_backends(const Configuration& configuration) {
  std::vector<UsedBackend> used;
  visit_backends(configuration, [&](const Url& url, const Configuration& table) {
    const bool is_top = &table == &configuration;
    if (std::ranges::find(used, url, &UsedBackend::url) == used.end())
      used.push_back({url, is_top ? nullptr : &table});
  });
  return used;
}

std::vector<Url> backends_of(const Configuration& configuration) {
  std::vector<Url> backends;
  for (UsedBackend& one : used_backends(configuration))
    backends.push_back(std::move(one.url));
  return backends;
}

std::vector<UpstreamBackends> needed_backends(const Configuration& configuration) {
  std::vector<UpstreamBackends> all;
  const auto add = [&all](const Configuration& one) {
    if (!one.backend.is_absolute() || have_service(one.backends)) return;
    UpstreamBackends made{.upstream = one.table.connections, .backends = {}};
    for (const BackendAddress& backend : one.backends) {
      if (backend.weight > 0) made.backends.push_back({backend.url, one.transport.dns_servers});
    }
    if (one.backends.empty()) made.backends.push_back(named_backend(one));
    if (std::ranges::find(all, made.backends, &UpstreamBackends::backends) == all.end())
      all.push_back(std::move(made));
  };
  add(configuration);
  for (const auto& route : configuration.routes) {
    if (route->table.leads_to_backend()) add(*route);
  }
  return all;
}

std::vector<UsedUpstream> used_upstreams(const Configuration& configuration) {
  std::vector<UsedUpstream> all;
  const auto add = [&all](const Configuration& one) {
    if (!one.backend.is_absolute() && !have_service(one.backends)) return;
    if (std::ranges::find(all, one.table.connections, &UsedUpstream::name) != all.end()) return;
    UsedUpstream& made = all.emplace_back(UsedUpstream{
        .name = one.table.connections, .backends = {}, .has_service = have_service(one.backends)});
    const auto add_backend = [&made](const Url& url) {
      if (std::ranges::find(made.backends, url) == made.backends.end())
        made.backends.push_back(url);
    };
    for (const BackendAddress& backend : one.backends) {
      if (backend.service.empty() && backend.weight > 0) add_backend(backend.url);
    }
    if (one.backends.empty()) add_backend(one.backend);
  };
  add(configuration);
  for (const auto& route : configuration.routes) {
    if (route->table.leads_to_backend()) add(*route);
  }
  return all;
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

const GivenTable* upstream_of(const GivenTables& tables, const GivenTable& route) {
  const Given* const named = given_in(route, "upstream");
  if (named == nullptr || named->values.empty()) return nullptr;
  const auto found = std::ranges::find_if(tables, [named](const GivenTable& table) {
    return table.kind == TableKind::upstream && table.name == named->values.front().text;
  });
  return found == tables.end() ? nullptr : &*found;
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
      if (const Given* const own = given_in(given, setting)) return own;
      const GivenTable* const upstream = upstream_of(tables, given);
      return upstream == nullptr ? nullptr : given_in(*upstream, setting);
    }
  }
  return nullptr;
}

}  // namespace onehop::config
