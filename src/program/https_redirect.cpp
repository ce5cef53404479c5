// SPDX-License-Identifier: Apache-2.0
#include "program/https_redirect.hpp"

#include "http/field_names.hpp"

#include <algorithm>
#include <string>

namespace onehop::program {
namespace {

constexpr std::uint16_t kHttpsPort = 443;

// Returns "https://host/target", or "" if the request names no host.
std::string place_of(const Request& request, std::uint16_t port) {
  const auto url = Url::parse("https://" + std::string(request.host()));
  if (request.host().empty() || !url || request.url().is_asterisk()) return {};
  const bool is_v6 = url->host().find(':') != std::string_view::npos;
  std::string place = "https://";
  place.append(is_v6 ? "[" : "").append(url->host()).append(is_v6 ? "]" : "");
  if (port != kHttpsPort) place.append(":").append(std::to_string(port));
  return place.append(request.url().target());
}

}  // namespace

bool HttpsRedirect::came_to_redirect(const ConnectionInfo& connection) const {
  if (connection.tls) return false;
  const auto& all = redirects_->listeners;
  return std::ranges::find(all, connection.local) != all.end();
}

task<Response> HttpsRedirect::serve(Request request) const {
  if (!came_to_redirect(request.connection())) {
    co_return co_await proxy_->serve(std::move(request));
  }
  const std::string place = place_of(request, redirects_->https_port);
  if (place.empty()) {
    co_return Response(Status::bad_request, "this site is available only over https://\n");
  }
  Response response(Status::permanent_redirect, "moved to " + place + "\n");
  response.headers().set(field::location, place);
  co_return response;
}

}  // namespace onehop::program
