// SPDX-License-Identifier: Apache-2.0
//
// RouteTable finds the most specific route that matches a request: it has a hash of hosts, and a
// sorted list of paths for each host. A search does not allocate.
// Thread: any; constant.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/routes.hpp>

#include "proxy/route_path.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace onehop {

// The reason why no route matches a request.
enum class RouteMiss : std::uint8_t {
  no_route,
  unknown_host,    // no route has its host, whatever the path
  ambiguous_path,  // the path decides, and a backend could read it as another path
};

// The parts of a request that routes look at.
struct RoutedRequest {
  std::string_view host;  // of the Host field
  std::string_view path;
  const Method& method;
  const Headers& headers;
};

class RouteTable {
 public:
  // Throws std::invalid_argument, like Routes.
  explicit RouteTable(std::span<const Route> routes);

  // Returns the index of the route that `request` matches.
  std::expected<std::size_t, RouteMiss> find(const RoutedRequest& request) const noexcept;

  // Returns the conditions of a route, which name it: "POST a.example/api/* (X-Beta)".
  static std::string conditions_of(const Route& route);

 private:
  // A route, and its conditions other than host and path.
  struct Candidate {
    std::size_t route = 0;
    std::optional<Method> method = {};
    std::string header = {};  // in lower case; "" for none
    std::optional<std::string> value = {};

    bool takes(const RoutedRequest& request) const noexcept;
    bool is_more_specific_than(const Candidate& other) const noexcept;
    bool is_equal_to(const Candidate& other) const noexcept;
  };
  using Candidates = std::vector<Candidate>;  // most specific first

  // The routes with one path.
  struct Node {
    static constexpr std::size_t kNone = ~std::size_t{0};

    std::string path;
    Candidates exact = {};
    Candidates below = {};
    std::size_t parent = kNone;  // the longest other path that this one is below
  };

  // The routes for one host.
  struct PathTable {
    std::vector<Node> nodes;  // in the order of comes_before()
    bool looks_at_paths = false;
    std::size_t longest = 0;

    Node& node_for(const std::string& path);
    void complete();
    // Returns the index of the matching route, or kNone.
    std::size_t find(std::string_view path, const RoutedRequest& request) const noexcept;
  };

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };

  void add(std::span<const Route> routes, std::size_t index);
  static void add_candidate(std::span<const Route> routes, Candidates& list, Candidate candidate);
  // Returns std::nullopt if no route of `table` matches, so that a less specific host may.
  static std::optional<std::expected<std::size_t, RouteMiss>> find_in(
      const PathTable& table, const RoutedRequest& request) noexcept;

  // The key ".b.example" is for the names below b.example.
  std::unordered_map<std::string, PathTable, Hash, std::equal_to<>> hosts_;
  PathTable any_host_;
  std::size_t longest_suffix_ = 0;  // of the keys that begin with a dot; 0 if there are none
};

}  // namespace onehop
