// SPDX-License-Identifier: Apache-2.0
//
// Undoes in a response what was changed in its request: the path, for an application that does not
// know its prefix, or the host, for one that does not know its clients'. Both look at the fields
// that refer to a resource (Location, Content-Location and Refresh), and at cookies.
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

// Maps paths back, those of references and the Path of cookies. `host` is the Host field of the
// request: a reference to another host is left alone.
void map_back(Response& response, const PrefixChange& change, std::string_view host);

// The change that a proxy makes to the host of a request.
struct HostChange {
  std::string sent;     // the Host that the upstream got: "backend:8000"
  bool is_tls = false;  // over which it was asked
  std::string scheme;   // that the client has used, "http" or "https"
  std::string host;     // the same, with a port if there was one
};

// Maps references to the upstream's host back: they lead to that of the client, by its scheme, or
// by https if the upstream, which was asked without TLS, says so. A cookie for the upstream's host
// becomes one for that of the client: its Domain is removed.
void map_back(Response& response, const HostChange& change);

}  // namespace onehop
