// SPDX-License-Identifier: Apache-2.0
//
// map_back() undoes, in a response, a change that was made to its request: to the path, for an
// application that does not know its prefix, or to the host, for an application that does not know
// the host that its clients use. Both forms change the fields that refer to a resource (Location,
// Content-Location and Refresh), and cookies.
// Thread: any.
#pragma once

#include <onehop/response.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace onehop {

// PrefixChange is the change that a route makes to a path: /api/x becomes /v2/x.
struct PrefixChange {
  std::string strip = {};  // "/api"
  std::string add = {};    // "/v2"
};

// Returns the path that a client must request to reach `path` of the application, or std::nullopt
// if the route does not lead there.
std::optional<std::string> path_for_client(std::string_view path, const PrefixChange& change);

// Maps back the paths of references and the Path of cookies. `hosts` are the names by which the
// client and its proxies know this host; references to other hosts stay unchanged.
void map_back(Response& response,
              const PrefixChange& change,
              std::initializer_list<std::string_view> hosts);

// HostChange is the change that a proxy makes to the host of a request.
struct HostChange {
  std::string sent;     // the Host that the upstream received: "backend:8000"
  bool is_tls = false;  // whether the upstream was reached over TLS
  std::string scheme;   // used by the client: "http" or "https"
  std::string host;     // used by the client, with a port if it named one
};

// Maps references to the upstream's host back to the client's host and scheme. The scheme becomes
// https if an upstream that was reached without TLS refers to https. Removes the Domain of a cookie
// for the upstream's host, so that the cookie applies to the client's host.
void map_back(Response& response, const HostChange& change);

}  // namespace onehop
