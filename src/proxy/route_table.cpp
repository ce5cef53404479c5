// SPDX-License-Identifier: Apache-2.0

#include "proxy/route_table.hpp"

#include "base/ascii.hpp"
#include "proxy/route_host.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace onehop {
namespace {

std::string name_of(const Route& route) {
  return "\"" + (route.name.empty() ? RouteTable::conditions_of(route) : route.name) + "\"";
}

[[noreturn]] void refuse(const Route& route, std::string_view part, std::string_view why) {
  throw std::invalid_argument("Routes: " + name_of(route) + ": " + std::string(part) +
                              std::string(why));
}

template <class Value>
Value accepted(const Route& route, std::string_view part, Result<Value> value) {
  if (!value) refuse(route, part, value.error().detail());
  if constexpr (!std::is_void_v<Value>) return std::move(*value);
}

// Checks the prefixes of a route. strip_prefix must begin the path of every request that the route
// matches.
void check_prefixes(const Route& route, const PathPattern& pattern) {
  if (!route.add_prefix.empty()) {
    accepted(route, "add_prefix: ", check_prefix(route.add_prefix));
  }
  if (!route.strip_prefix.empty()) {
    accepted(route, "strip_prefix: ", check_prefix(route.strip_prefix));
    const PathStart prefix(route.strip_prefix, kMaxRoutePath);
    if (!is_below(pattern.text, prefix.text())) {
      refuse(route, "strip_prefix: ",
             "\"" + route.strip_prefix + "\" is not the beginning of its path, \"" + route.path +
                 "\"");
    }
  }
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  return lower;
}

}  // namespace

bool RouteTable::Candidate::takes(const RoutedRequest& request) const noexcept {
  if (method && *method != request.method) return false;
  if (header.empty()) return true;
  const std::optional<std::string_view> given = request.headers.get(header);
  return given && (!value || *given == *value);
}

bool RouteTable::Candidate::is_more_specific_than(const Candidate& other) const noexcept {
  const auto rank = [](const Candidate& one) {
    return std::tuple(one.header.empty(), !one.method.has_value(), !one.value.has_value());
  };
  if (rank(*this) != rank(other)) return rank(*this) < rank(other);
  if (header != other.header) return header < other.header;
  if (value != other.value) return value < other.value;
  return method && method->text() < other.method->text();
}

bool RouteTable::Candidate::is_equal_to(const Candidate& other) const noexcept {
  return method == other.method && header == other.header && value == other.value;
}

RouteTable::Node& RouteTable::PathTable::node_for(const std::string& path) {
  const auto found = std::ranges::find(nodes, path, &Node::path);
  if (found != nodes.end()) return *found;
  return nodes.emplace_back(Node{.path = path});
}

void RouteTable::PathTable::complete() {
  std::ranges::sort(nodes, comes_before, &Node::path);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    longest = std::max(longest, nodes[i].path.size());
    std::ranges::sort(nodes[i].exact, std::mem_fn(&Candidate::is_more_specific_than));
    std::ranges::sort(nodes[i].below, std::mem_fn(&Candidate::is_more_specific_than));
    if (i == 0) continue;
    std::size_t above = i - 1;
    while (above != Node::kNone && !is_below(nodes[i].path, nodes[above].path))
      above = nodes[above].parent;
    nodes[i].parent = above;
  }
}

// Only the last path of the table that does not come after `path`, and the parents of that path,
// can be above `path`.
std::size_t RouteTable::PathTable::find(std::string_view path,
                                        const RoutedRequest& request) const noexcept {
  const auto taking = [&request](const Candidates& list) {
    for (const Candidate& one : list) {
      if (one.takes(request)) return one.route;
    }
    return Node::kNone;
  };
  const auto after = std::ranges::upper_bound(nodes, path, comes_before, &Node::path);
  std::size_t at =
      after == nodes.begin() ? Node::kNone : static_cast<std::size_t>(after - nodes.begin()) - 1;
  for (; at != Node::kNone; at = nodes[at].parent) {
    const Node& node = nodes[at];
    if (node.path == path) {
      if (const std::size_t route = taking(node.exact); route != Node::kNone) return route;
    }
    if (node.below.empty() || !is_below(path, node.path)) continue;
    if (const std::size_t route = taking(node.below); route != Node::kNone) return route;
  }
  return Node::kNone;
}

RouteTable::RouteTable(std::span<const Route> routes) {
  for (std::size_t i = 0; i < routes.size(); ++i)
    add(routes, i);
  any_host_.complete();
  for (auto& [host, table] : hosts_) {
    table.complete();
    if (host.starts_with('.')) longest_suffix_ = std::max(longest_suffix_, host.size());
  }
}

void RouteTable::add(std::span<const Route> routes, std::size_t index) {
  const Route& route = routes[index];
  if (route.to == nullptr) refuse(route, "to: ", "the handler is missing");
  const PathPattern pattern = accepted(route, "path: ", parse_path_pattern(route.path));
  check_prefixes(route, pattern);
  Candidate candidate{.route = index, .method = route.method};
  const std::size_t colon = route.header.find(':');
  candidate.header = lowered(ascii::trim_blanks(std::string_view(route.header).substr(0, colon)));
  if (!route.header.empty() && !ascii::is_token(candidate.header)) {
    refuse(route, "header: ", "\"" + route.header + "\" is not NAME or \"NAME: VALUE\"");
  }
  if (colon != std::string::npos) {
    candidate.value = ascii::trim_blanks(std::string_view(route.header).substr(colon + 1));
  }
  const auto add_to = [&](PathTable& table) {
    if (!pattern.is_any()) table.looks_at_paths = true;
    Node& node = table.node_for(pattern.text);
    add_candidate(routes, pattern.below ? node.below : node.exact, candidate);
  };
  if (route.hosts.empty()) add_to(any_host_);
  for (const std::string& host : route.hosts)
    add_to(hosts_[accepted(route, "hosts: ", parse_host_pattern(host))]);
}

void RouteTable::add_candidate(std::span<const Route> routes,
                               Candidates& list,
                               Candidate candidate) {
  for (const Candidate& other : list) {
    if (!other.is_equal_to(candidate)) continue;
    const Route& route = routes[candidate.route];
    if (other.route == candidate.route) refuse(route, "hosts: ", "one of them is listed twice");
    throw std::invalid_argument("Routes: " + name_of(routes[other.route]) + " and " +
                                name_of(route) +
                                " match the same requests: " + conditions_of(route));
  }
  list.push_back(std::move(candidate));
}

std::optional<std::expected<std::size_t, RouteMiss>> RouteTable::find_in(
    const PathTable& table, const RoutedRequest& request) noexcept {
  using Found = std::expected<std::size_t, RouteMiss>;
  const bool is_path = request.path != "*";  // OPTIONS for the whole server
  std::size_t route = Node::kNone;
  if (table.looks_at_paths && is_path) {
    if (is_ambiguous_path(request.path)) return Found(std::unexpect, RouteMiss::ambiguous_path);
    const std::string_view path = request.path.empty() ? "/" : request.path;
    const PathStart start(path, table.longest + 1);
    route = table.find(start.text(), request);
    if (has_parameters(path)) {
      const PathStart bare(path, table.longest + 1, PathStart::Parameters::drop);
      if (table.find(bare.text(), request) != route)
        return Found(std::unexpect, RouteMiss::ambiguous_path);
    }
  } else {
    route = table.find("", request);
  }
  if (route == Node::kNone) return std::nullopt;
  return Found(route);
}

std::expected<std::size_t, RouteMiss> RouteTable::find(
    const RoutedRequest& request) const noexcept {
  bool has_host = false;
  const auto find_for = [&](std::string_view host) {
    const auto table = hosts_.find(host);
    if (table == hosts_.end()) return decltype(find_in(any_host_, request))();
    has_host = true;
    return find_in(table->second, request);
  };
  if (!hosts_.empty()) {
    const ComparedHost host(request.host);
    const std::string_view name = host.text();
    if (const auto found = find_for(name)) return *found;
    std::size_t dot = name.size() > longest_suffix_ ? name.size() - longest_suffix_ : 1;
    if (longest_suffix_ == 0) dot = std::string_view::npos;
    while ((dot = name.find('.', dot)) != std::string_view::npos) {
      if (const auto found = find_for(name.substr(dot))) return *found;
      ++dot;
    }
  }
  if (any_host_.nodes.empty()) {
    return std::unexpected(has_host ? RouteMiss::no_route : RouteMiss::unknown_host);
  }
  return find_in(any_host_, request).value_or(std::unexpected(RouteMiss::no_route));
}

std::string RouteTable::conditions_of(const Route& route) {
  std::string text;
  if (route.method) text.append(route.method->text()).append(" ");
  for (const std::string& host : route.hosts)
    text.append(&host == route.hosts.data() ? "" : ",").append(host);
  text += route.path;
  if (!route.header.empty()) text.append(" (").append(route.header).append(")");
  return text;
}

}  // namespace onehop
