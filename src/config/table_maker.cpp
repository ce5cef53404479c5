// SPDX-License-Identifier: Apache-2.0
#include "config/table_maker.hpp"

#include "config/given_values.hpp"
#include "config/pointed_out.hpp"
#include "config/route_settings.hpp"
#include "config/setting_names.hpp"
#include "config/settings.hpp"
#include "config/shared_cookies.hpp"
#include "config/suggestion.hpp"
#include "config/table_contradictions.hpp"
#include "config/tables.hpp"
#include "proxy/redirect_status.hpp"
#include "proxy/route_path.hpp"
#include "proxy/route_table.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <stdexcept>
#include <utility>

namespace onehop::config {
namespace {

// Makes a finding about the table as a whole.
Finding about(const GivenTable& table,
              std::string message,
              std::string hint = {},
              Severity severity = Severity::error) {
  return {severity, table.origin, std::move(message), std::move(hint), table.excerpt};
}

// Makes a finding about the value of a setting, or about the table if it does not have the setting.
Finding about_value(const GivenTable& table,
                    std::string_view setting,
                    std::string message,
                    std::string hint = {}) {
  const Given* const given = given_in(table, setting);
  if (given == nullptr) return about(table, std::move(message), std::move(hint));
  const bool has_value = !given->values.empty();
  return {Severity::error, has_value ? given->values.front().origin : given->origin,
          std::move(message), std::move(hint),
          has_value ? given->values.front().excerpt : given->excerpt};
}

void set_all(const GivenTable& table, Configuration& made, Findings& findings) {
  for (const auto& [setting, given] : table.given)
    set_values(*setting, given, made, findings);
}

// Names a route in a message; null stands for the top.
std::string words_for(const GivenTable* route) {
  return route == nullptr ? "the backend at the top" : "the route in " + text_of(route->origin);
}

std::vector<std::string_view> names_in(const GivenTable& table) {
  std::vector<std::string_view> names;
  for (const Setting* const setting : settings_of(table.kind)) {
    if (table.given.contains(setting)) names.push_back(setting->name);
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += in_quotes(names[i]);
  }
  return text;
}

// Reports whether a route overrides settings of the connections to its backend.
bool has_own_connections(const TableSettings& table) {
  return std::ranges::any_of(table.own, [](std::string_view name) {
    const Setting* const setting = find_setting(name);
    return setting != nullptr && setting->scope == Scope::upstream;
  });
}

// Reports whether the table has no backend. A refused backend does not count as missing, since it
// has its own finding.
bool is_without_backend(const GivenTable& table, const Findings& findings) {
  const Given* const backend = given_in(table, kBackendSetting);
  return backend == nullptr || (backend->values.empty() && !has_errors(findings));
}

// Reports whether the setting has no effect in a route that does not send requests on.
bool is_about_requests_sent_on(const Setting& setting) {
  return setting.scope != Scope::route_only || setting.name == "upstream";
}

// Reports settings that have no effect in a route that redirects or responds itself.
void check_response(const GivenTable& given, const TableSettings& table, Findings& findings) {
  const bool redirects = !table.redirect.empty();
  const std::string instead = redirects ? "redirect" : "status";
  const bool uses_path = redirects && table.redirect.ends_with("/*");
  for (const std::string_view name : table.own) {
    const std::string remedy = "remove " + std::string(name) + " or " + instead;
    if (is_about_requests_sent_on(*find_setting(TableKind::route, name))) {
      findings.push_back(about_value(
          given, name, "a route with " + instead + " sends no requests to a backend", remedy));
    } else if (name == "map-back" && table.map_back) {
      findings.push_back(about_value(
          given, name, "map-back changes the responses of a backend, and this route has none",
          "remove map-back"));
    } else if ((name == "strip-prefix" || name == "add-prefix") && !uses_path) {
      findings.push_back(about_value(
          given, name,
          std::string(name) + " has no effect: " +
              (redirects ? "the path is not in the redirect" : "a route with status has no path"),
          redirects ? "add /* to the end of redirect" : "remove " + std::string(name)));
    }
  }
  if (redirects && table.status != 0 && !is_redirect_status(Status(table.status))) {
    findings.push_back(
        about_value(given, "status", "a redirect has the status " + redirect_statuses()));
  }
}

// Checks where the route sends requests, and the path that they have there.
void check_destination(const GivenTable& given, const Configuration& made, Findings& findings) {
  const TableSettings& table = made.table;
  const auto report = [&](std::string_view setting, std::string message, std::string hint = {}) {
    findings.push_back(about_value(given, setting, std::move(message), std::move(hint)));
  };
  if (table.has("upstream") && table.has(kBackendSetting)) {
    report("backend", "a route has an upstream or a backend, not both", "remove one of them");
  }
  if (!table.leads_to_backend()) {
    check_response(given, table, findings);
  } else if (!made.backend.is_absolute() && !table.has("upstream") &&
             is_without_backend(given, findings)) {
    findings.push_back(
        about(given, "this route leads nowhere", "add upstream, backend, redirect or status"));
  }
  const auto pattern = parse_path_pattern(table.path);
  const PathStart prefix(table.strip_prefix, kMaxRoutePath);
  if (pattern && !is_below(pattern->text, prefix.text())) {
    report("strip-prefix", "strip-prefix: " + in_quotes(table.strip_prefix) +
                               " is not the beginning of the path, " + in_quotes(table.path));
  }
  if (table.leads_to_backend() && table.map_back && table.strip_prefix.empty() &&
      table.add_prefix.empty()) {
    report("map-back", "map-back undoes strip-prefix and add-prefix, and there is neither");
  }
}

}  // namespace

void TableMaker::make(const std::vector<GivenTable>& tables,
                      Configuration& top,
                      Findings& findings) {
  for (const GivenTable& table : tables) {
    if (table.kind == TableKind::upstream) make_upstream(table, top, findings);
  }
  for (const GivenTable& table : tables) {
    if (table.kind == TableKind::route) make_route(table, top, findings);
  }
  for (const auto& [name, made] : upstreams_)
    top.upstreams.push_back(made.configuration);
  for (const Made& made : routes_)
    top.routes.push_back(made.configuration);
}

void TableMaker::make_upstream(const GivenTable& given,
                               const Configuration& top,
                               Findings& findings) {
  auto made = std::make_shared<Configuration>(top);
  made->backend = Url();
  made->backends.clear();
  set_all(given, *made, findings);
  made->table.title = "upstream." + given.name;
  made->table.own = names_in(given);
  made->table.connections = made->table.backends = given.name;
  if (is_without_backend(given, findings)) {
    findings.push_back(
        about(given, made->table.title + " has no backend", "add backend = \"http://HOST:PORT\""));
  }
  upstreams_.emplace(given.name, Made{&given, std::move(made)});
}

void TableMaker::make_route(const GivenTable& given, const Configuration& top, Findings& findings) {
  auto made = std::make_shared<Configuration>(top);
  set_upstream(given, *made, findings);
  set_all(given, *made, findings);
  TableSettings& table = made->table;
  table.own = names_in(given);
  table.title = "route " + RouteTable::conditions_of(route_for(table));
  // The Upstream sets the Host, so a route with another Host needs its own.
  const bool has_own =
      has_own_connections(table) || (needs_upstream(*made) && table.has("host-header"));
  table.connections = has_own ? table.title : table.upstream;
  table.backends = table.has(kBackendSetting) ? table.title : table.upstream;
  check_destination(given, *made, findings);
  routes_.push_back({&given, std::move(made)});
}

void TableMaker::set_upstream(const GivenTable& given,
                              Configuration& made,
                              Findings& findings) const {
  const Given* const named = given_in(given, "upstream");
  if (named == nullptr || named->values.empty()) return;
  const std::string& name = named->values.front().text;
  const auto found = upstreams_.find(name);
  if (found != upstreams_.end()) {
    Findings known;  // already reported for the upstream
    set_all(*found->second.given, made, known);
    return;
  }
  std::vector<std::string> names;
  for (const auto& [one, upstream] : upstreams_)
    names.push_back(one);
  std::string message = "unknown upstream " + in_quotes(name);
  if (names.size() == 1) message += "; there is " + listed(names);
  if (names.size() > 1) message += "; there are " + listed(names);
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto meant = nearest(name, candidates);
  findings.push_back(about_value(
      given, "upstream", std::move(message),
      meant ? "did you mean " + std::string(*meant) + "?" : "add [upstream." + name + "]"));
}

Contradictions TableMaker::cross_check(Configuration& top,
                                       const GivenSettings& at_top,
                                       Findings& findings) const {
  std::vector<BackendPlace> places = {{.configuration = &top}};
  for (const auto& [name, made] : upstreams_)
    places.push_back({made.configuration.get(), made.given});
  for (const Made& made : routes_) {
    if (!made.configuration->table.leads_to_backend()) continue;
    const auto upstream = upstreams_.find(made.configuration->table.upstream);
    places.push_back({made.configuration.get(), made.given,
                      upstream == upstreams_.end() ? nullptr : upstream->second.given});
  }
  BackendContradictions found = find_backend_contradictions(places, at_top);
  for (const auto& [table, one] : found.in_tables)
    findings.push_back(about_value(*table, one.setting, with_keys(one.why)));
  for (const auto& [one, other] : find_shared_cookies(places)) {
    findings.push_back(about(*other->table,
                             "this route has the same sticky cookie as " + words_for(one->table) +
                                 ", with another list of backends or another key: neither would "
                                 "keep a client at its backend",
                             "write sticky = \"cookie:NAME\" with another name"));
  }
  check_equal_routes(top, findings);
  check_unused(findings);
  return std::move(found.at_top);
}

// Looks for the pairs of equal routes only if there are any.
void TableMaker::check_equal_routes(const Configuration& top, Findings& findings) const {
  std::vector<Route> routes;
  std::vector<const GivenTable*> tables;
  const auto nowhere = respond_with(Status::ok);
  for (const Made& made : routes_) {
    routes.push_back(route_for(made.configuration->table));
    routes.back().to = nowhere;
    tables.push_back(made.given);
  }
  if (!routes.empty() && top.backend.is_absolute()) {
    routes.insert(routes.begin(), Route{.to = nowhere});
    tables.insert(tables.begin(), nullptr);
  }
  const auto are_good = [](std::span<const Route> some) {
    try {
      const RouteTable table(some);
    } catch (const std::invalid_argument&) {
      return false;
    }
    return true;
  };
  if (are_good(routes)) return;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (!are_good(std::span(&routes[i], 1))) {
      findings.push_back(about_value(*tables[i], "host", "host: a name is listed twice"));
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (are_good(std::array{routes[j], routes[i]})) continue;
      const std::string other = words_for(tables[j]);
      findings.push_back(about(*tables[i],
                               "this route takes the same requests as " + other + ": " +
                                   RouteTable::conditions_of(routes[i]),
                               "the order of routes does not matter: change one of them"));
      break;
    }
  }
}

void TableMaker::check_unused(Findings& findings) const {
  for (const auto& [name, made] : upstreams_) {
    const bool is_used = std::ranges::any_of(routes_, [&name](const Made& route) {
      return route.configuration->table.upstream == name;
    });
    if (is_used) continue;
    findings.push_back(about(*made.given, "no route uses " + made.configuration->table.title,
                             "add upstream = \"" + name + "\" to a [[route]]", Severity::warning));
  }
}

}  // namespace onehop::config
