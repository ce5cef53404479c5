// SPDX-License-Identifier: Apache-2.0
//
// Try it: authorizing_hook 127.0.0.1:8080 http://127.0.0.1:8000 http://127.0.0.1:9000 &
//         curl -i http://127.0.0.1:8080/
//
// A rewrite hook that is a coroutine: it asks a second server whether a request may pass.
#include <onehop/onehop.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

struct User {
  std::string name;
};

// Returns the response to a request that may not pass.
onehop::task<onehop::Result<std::optional<onehop::Response>>> authorize(
    const onehop::Transport& transport, onehop::Url service, onehop::ProxyRequest& request) {
  onehop::Request question(onehop::Method::get, std::move(service));
  question.headers().set("Authorization", request.in().headers().get_or_empty("Authorization"));
  const auto answer = co_await transport.round_trip(std::move(question));
  if (!answer) co_return onehop::failure(answer.error());
  if (answer->status() != 200) co_return onehop::Response(401, "sign in first\n");
  request.out().values().set(User{std::string(answer->headers().get_or_empty("X-User"))});
  co_return std::nullopt;
}

int main(int argc, char** argv) {
  const auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:8000");
  const auto service = onehop::Url::parse(argc > 3 ? argv[3] : "http://127.0.0.1:9000");
  if (!backend || !service) return 2;

  onehop::Transport transport;
  onehop::ReverseProxy proxy({
      .rewrite =
          [&transport, backend = *backend, service = *service](onehop::ProxyRequest& request) {
            request.out().set_deadline(std::chrono::seconds(30));
            request.set_url(backend);
            return authorize(transport, service, request);
          },
      .modify_response =
          [](onehop::ProxyResponse& response) {
            const User* user = response.out().values().get<User>();
            if (user) response.response().headers().set("X-Served-User", user->name);
          },
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(std::move(proxy));
}
