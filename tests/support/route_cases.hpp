// SPDX-License-Identifier: Apache-2.0
//
// Makes routes and requests from random numbers. RouteReference finds the route of a request in a
// slow way, with which tests compare RouteTable.
// Thread: owner.
#pragma once

#include <onehop/routes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace onehop::test {

// Returns a number from 0 to 255.
using Numbers = std::function<std::uint8_t()>;

struct RouteCase {
  std::vector<Route> routes;
  std::string host;
  std::string path;
  Method method;
  std::vector<std::pair<std::string, std::string>> fields;
};

template <std::size_t kCount>
std::string one_of(const std::array<std::string_view, kCount>& texts, const Numbers& next) {
  return std::string(texts[next() % kCount]);
}

inline std::string made_host(const Numbers& next) {
  constexpr std::array<std::string_view, 5> kNames = {"b", "a.b", "c.a.b", "d.b", "[::1]"};
  return one_of(kNames, next);
}

inline std::string made_path(const Numbers& next) {
  constexpr std::array<std::string_view, 8> kSegments = {"a",   "b",  "ab", "a!",
                                                         "%61", "a.", ";x", "a%2520"};
  std::string path;
  for (int count = next() % 4; count > 0; --count)
    path.append("/").append(one_of(kSegments, next));
  return path;
}

inline std::string made_header(const Numbers& next) {
  constexpr std::array<std::string_view, 8> kTests = {"",    "",     "",       "",
                                                      "X-A", "x-b:", "X-B: 1", "x-a: 1"};
  return one_of(kTests, next);
}

inline std::optional<Method> made_method(const Numbers& next) {
  const int number = next() % 6;
  if (number == 0) return Method::get;
  if (number == 1) return Method::post;
  return std::nullopt;
}

inline RouteCase made_case(const Numbers& next) {
  RouteCase made;
  const auto to = respond_with(Status::ok);
  for (int count = 1 + next() % 8; count > 0; --count) {
    Route route{.name = std::to_string(count)};
    for (int hosts = next() % 3; hosts > 0; --hosts)
      route.hosts.push_back((next() % 3 == 0 ? "*." : "") + made_host([&] { return next() & 3; }));
    route.path = made_path(next);
    std::ranges::replace(route.path, ';', 'y');  // routes ignore parameters
    route.path += route.path.empty() || next() % 2 == 0 ? "/*" : "";
    route.method = made_method(next);
    route.header = made_header(next);
    route.to = to;
    made.routes.push_back(std::move(route));
  }
  constexpr std::array<std::string_view, 12> kOdd = {
      "", "", "", "", "/", "//", "/..", "/.;y", "/%2E%2e", "/x%2Fy", "\\", "%5c"};
  constexpr std::array<std::string_view, 3> kPorts = {"", ":80", "."};
  made.host = made_host(next);
  if (made.host.front() != '[') made.host += one_of(kPorts, next);
  made.path = made_path(next) + one_of(kOdd, next) + made_path(next);
  if (made.path.empty()) made.path = "/";
  if (made.path.front() != '/') made.path = "*";
  made.method = next() % 2 == 0 ? Method::get : Method::post;
  for (int count = next() % 3; count > 0; --count)
    made.fields.emplace_back(next() % 2 == 0 ? "X-A" : "X-B", next() % 2 == 0 ? "1" : "2");
  return made;
}

// The slow way: checks all routes and compares lists of segments.
class RouteReference {
 public:
  enum class Kind : std::uint8_t { found, no_route, unknown_host, ambiguous_path };
  struct Choice {
    Kind kind = Kind::unknown_host;
    std::size_t route = 0;
    friend bool operator==(const Choice&, const Choice&) = default;
  };

  explicit RouteReference(const RouteCase& given) : case_(given) {
    for (std::size_t i = 0; i < given.routes.size(); ++i) {
      std::vector<std::string> hosts = given.routes[i].hosts;
      if (hosts.empty()) hosts.emplace_back("");
      for (const std::string& host : hosts)
        rules_.push_back(rule_for(i, host));
    }
  }

  bool has_equal_routes() const {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (key_of(rules_[i]) == key_of(rules_[j])) return true;
      }
    }
    return false;
  }

  Choice find() const {
    std::vector<std::string> hosts;
    for (const Rule& rule : rules_) {
      if (takes_host(rule.host) && std::ranges::find(hosts, rule.host) == hosts.end())
        hosts.push_back(rule.host);
    }
    std::ranges::sort(hosts, [](const std::string& a, const std::string& b) {
      return host_rank(a) > host_rank(b);
    });
    for (const std::string& host : hosts) {
      if (case_.path != "*" && is_odd(case_.path) && std::ranges::any_of(rules_, [&](auto& rule) {
            return rule.host == host && !(rule.segments.empty() && rule.below);
          })) {
        return {Kind::ambiguous_path};
      }
      const Rule* const best = best_of(host, case_.path);
      if (best != best_of(host, without_parameters(case_.path))) return {Kind::ambiguous_path};
      if (best != nullptr) return {Kind::found, best->route};
    }
    return {hosts.empty() ? Kind::unknown_host : Kind::no_route};
  }

 private:
  struct Rule {
    std::size_t route = 0;
    std::string host;  // "": any
    std::vector<std::string> segments = {};
    bool below = false;
    std::string method = {};
    std::string header = {};
    std::optional<std::string> value = {};
  };

  static std::string lowered(std::string text) {
    for (char& c : text)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  }

  static std::vector<std::string> segments_of(const std::string& path) {
    std::vector<std::string> segments;
    std::istringstream parts(path + "/");
    std::string part;
    std::getline(parts, part, '/');  // before the first slash
    while (std::getline(parts, part, '/'))
      segments.push_back(Url::parse_target("/" + part)->decoded_path().substr(1));
    return segments;
  }

  Rule rule_for(std::size_t index, const std::string& host) const {
    const Route& route = case_.routes[index];
    Rule rule{.route = index, .host = host};
    rule.below = route.path.ends_with("/*");
    const std::string path = route.path.substr(0, route.path.size() - (rule.below ? 2 : 0));
    if (!path.empty()) rule.segments = segments_of(path);
    if (route.method) rule.method = route.method->text();
    const std::size_t colon = route.header.find(':');
    rule.header = lowered(route.header.substr(0, colon));
    if (colon != std::string::npos) {
      rule.value = route.header.substr(colon + 1);
      if (rule.value->starts_with(' ')) rule.value->erase(0, 1);
    }
    return rule;
  }

  using Key = std::tuple<std::string,
                         std::vector<std::string>,
                         bool,
                         std::string,
                         std::string,
                         std::optional<std::string>>;
  static Key key_of(const Rule& rule) {
    return {rule.host, rule.segments, rule.below, rule.method, rule.header, rule.value};
  }

  // A larger number is more specific.
  static std::size_t host_rank(const std::string& host) {
    if (host.empty()) return 0;
    return host.starts_with("*.") ? host.size() : 1000;
  }
  static std::tuple<bool, std::size_t, bool, bool, bool, int> rank_of(const Rule& rule) {
    const int name = rule.header == "x-a" ? 1 : 0;  // the first in alphabetical order
    return {!rule.below,          rule.segments.size(),   !rule.header.empty(),
            !rule.method.empty(), rule.value.has_value(), name};
  }

  bool takes_host(const std::string& host) const {
    std::string asked = case_.host.substr(0, case_.host.find(":80"));
    if (asked.ends_with('.')) asked.pop_back();
    if (host.empty() || host == asked) return true;
    return host.starts_with("*.") && asked.size() > host.size() - 1 &&
           asked.ends_with(host.substr(1));
  }

  const Rule* best_of(const std::string& host, const std::string& path) const {
    const Rule* best = nullptr;
    for (const Rule& rule : rules_) {
      if (rule.host != host || !takes(rule, path)) continue;
      if (best == nullptr || rank_of(rule) > rank_of(*best)) best = &rule;
    }
    return best;
  }

  static std::string without_parameters(const std::string& path) {
    std::string bare;
    bool is_parameter = false;
    for (const char c : path) {
      is_parameter = c == ';' || (is_parameter && c != '/');
      if (!is_parameter) bare += c;
    }
    return bare;
  }

  bool takes(const Rule& rule, const std::string& path) const {
    if (!rule.method.empty() && rule.method != case_.method.text()) return false;
    if (!rule.header.empty()) {
      const auto line = std::ranges::find_if(
          case_.fields, [&](const auto& field) { return lowered(field.first) == rule.header; });
      if (line == case_.fields.end()) return false;
      if (rule.value && *rule.value != line->second) return false;
    }
    if (rule.segments.empty() && rule.below) return true;
    if (path == "*") return false;
    const std::vector<std::string> asked = segments_of(path);
    if (!rule.below) return asked == rule.segments;
    return asked.size() >= rule.segments.size() &&
           std::equal(rule.segments.begin(), rule.segments.end(), asked.begin());
  }

  static bool is_odd(const std::string& path) {
    const std::string lower = lowered(path);
    for (const std::string_view sign : {"\\", "%2e", "%2f", "%5c", "//"}) {
      if (lower.find(sign) != std::string::npos) return true;
    }
    std::istringstream segments(lower);
    std::string segment;
    while (std::getline(segments, segment, '/')) {
      const std::string name = segment.substr(0, segment.find(';'));
      if (name == "." || name == "..") return true;
      if (segment.starts_with(';') && !segments.eof()) return true;
    }
    return false;
  }

  const RouteCase& case_;
  std::vector<Rule> rules_;
};

}  // namespace onehop::test
