// SPDX-License-Identifier: Apache-2.0
//
// Try it: load_balancer 127.0.0.1:8080 http://127.0.0.1:9000 http://127.0.0.1:9001
//
// A reverse proxy to several equivalent backends. A backend that fails is passed over, and a
// request that it did not serve goes to another one.
#include <onehop/onehop.hpp>

#include <memory>
#include <vector>

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : ":8080";
  std::vector<onehop::Upstream::Endpoint> backends;
  for (int i = 2; i < argc; ++i)
    backends.emplace_back(argv[i]);

  auto upstream = std::make_shared<onehop::Upstream>(onehop::Upstream::Options{backends});
  onehop::Server server({.listen = address, .stop_on_signals = true});
  return server.run(onehop::upstream_reverse_proxy(upstream));
}
