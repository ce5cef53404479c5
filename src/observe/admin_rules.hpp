// SPDX-License-Identifier: Apache-2.0
//
// AdminRules decides which requests the admin listeners serve. In a browser on this machine, a page
// of another site must not read the admin pages (Sec-Fetch-Site), even if that site has pointed its
// own name at this machine (Host). Over the unix socket, root and the user of this process may do
// everything. Other users may do nothing. Neither may a proxy, which would lend its rights to its
// clients. Queries may contain secrets of clients, so they are shown only over the unix socket and
// to clients with a token.
// Thread: any; constant.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

class AdminRules {
 public:
  struct Options {
    // The host names, besides "localhost", that requests may use. IP addresses are always admitted.
    std::vector<std::string> host_names = {};
    // The secret that requests must present; "": none.
    std::string token = {};
  };

  AdminRules() = default;
  explicit AdminRules(Options options) : options_(std::move(options)) {}

  // Reports whether the request came over the unix socket.
  static bool is_local(const Request& request) { return request.connection().peer.empty(); }
  // Reports whether the request asks for the queries of other requests, which may contain secrets.
  static bool asks_for_queries(const Request& request);
  // Returns the response that refuses the request; std::nullopt if the request is admitted.
  std::optional<Response> refusal(const Request& request) const;

 private:
  std::optional<Response> refusal_of_peer(const Request& request) const;
  bool admits_host(std::string_view host) const;
  bool admits_token(const Request& request) const;

  Options options_;
};

}  // namespace onehop::observe
