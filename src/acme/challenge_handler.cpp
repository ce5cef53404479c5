// SPDX-License-Identifier: Apache-2.0
#include "acme/challenge_handler.hpp"

#include <string>
#include <string_view>

namespace onehop::acme {
namespace {

constexpr std::string_view kPath = "/.well-known/acme-challenge/";

}  // namespace

std::string ChallengeHandler::response_to(const Request& request) const {
  if (request.connection().tls) return {};
  const std::string_view path = request.url().path();
  if (!path.starts_with(kPath)) return {};
  return challenges_->response_to(request.host(), path.substr(kPath.size()));
}

// The backend may have its own challenges, so unexpected ones are passed to it. This is not a
// coroutine, so that other requests cost nothing more.
task<Response> ChallengeHandler::serve(Request request) const {
  std::string response = response_to(request);
  return response.empty() ? next_->serve(std::move(request)) : respond(std::move(response));
}

task<Response> ChallengeHandler::respond(std::string response) {
  Response made(Status::ok, std::move(response));
  made.headers().set("Content-Type", "application/octet-stream");
  made.headers().set("Cache-Control", "no-store");
  co_return made;
}

}  // namespace onehop::acme
