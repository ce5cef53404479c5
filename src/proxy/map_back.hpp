// SPDX-License-Identifier: Apache-2.0
//
// Paths of an application that does not know its prefix, as clients see them.
// Thread: any.
#pragma once

#include <onehop/response.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace onehop {

// The changes that a route makes to a path: /api/x becomes /v2/x.
struct PrefixChange {
  std::string strip = {};  // "/api"
  std::string add = {};    // "/v2"
};

// Returns the path that a client has to ask for to get `path` of the application; std::nullopt if
// no request of the route leads there.
std::optional<std::string> path_for_client(std::string_view path, const PrefixChange& change);

// Maps the paths of Location and of cookies back. `host` is the Host field of the request: a
// Location that leads to another host is left alone.
void map_back(Response& response, const PrefixChange& change, std::string_view host);

}  // namespace onehop
