// SPDX-License-Identifier: Apache-2.0
//
// Try it: waiting_handler :8080 http://localhost:8000 &  curl http://localhost:8080/
//
// A handler that waits for a backend, for two seconds at most. The worker serves other requests
// meanwhile.
#include <onehop/onehop.hpp>

#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  const auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://localhost:8000").value();
  auto ask = [backend,
              transport = onehop::Transport()](onehop::Request) -> onehop::task<onehop::Response> {
    onehop::Request question(onehop::Method::get, backend);
    auto answer = co_await onehop::with_timeout(2s, transport.round_trip(std::move(question)));
    if (!answer) co_return onehop::Response(onehop::Status::gateway_timeout, "no answer\n");
    const std::string text = "the backend says " + std::to_string(answer->status().code()) + "\n";
    co_return onehop::Response(onehop::Status::ok, text);
  };
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(std::move(ask));
}
