// SPDX-License-Identifier: Apache-2.0
//
// Try it: python3 -m http.server 9000 &  single_host 127.0.0.1:8080 http://127.0.0.1:9000
//
// A reverse proxy to one backend. Without arguments it listens on :8080 for http://127.0.0.1:9000.
// On TERM it lets the requests in progress finish.
#include <onehop/onehop.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : ":8080";
  auto backend = onehop::Url::parse(argc > 2 ? argv[2] : "http://127.0.0.1:9000");
  if (!backend) {
    std::fprintf(stderr, "%s\n", backend.error().to_string().c_str());
    return 2;
  }

  onehop::Server server({.listen = address, .stop_on_signals = true});
  return server.run(onehop::single_host_reverse_proxy(*backend));
}
