// SPDX-License-Identifier: Apache-2.0
//
// Try it: custom_director 127.0.0.1:8080 http://127.0.0.1:9001 http://127.0.0.1:9002 &
//         curl -H "X-Beta: yes" http://127.0.0.1:8080/
//
// A rewrite hook that decides where each request goes: here, clients can ask for the second
// backend.
#include <onehop/onehop.hpp>

#include <cstdio>
#include <utility>

int main(int argc, char** argv) {
  const auto stable = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:9001");
  const auto beta = onehop::Url::parse(argc > 3 ? argv[3] : "http://127.0.0.1:9002");
  if (!stable || !beta) {
    std::fprintf(stderr, "a backend is a URL, http://HOST:PORT\n");
    return 2;
  }

  onehop::ReverseProxy proxy({
      .rewrite =
          [stable = *stable, beta = *beta](onehop::ProxyRequest& request) {
            const bool wants_beta = request.in().headers().has("X-Beta");
            request.set_url(wants_beta ? beta : stable);
            request.keep_host();
            request.out().headers().erase("X-Beta");
          },
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080"});
  return server.run(std::move(proxy));
}
