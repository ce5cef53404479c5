// SPDX-License-Identifier: Apache-2.0
//
// Try it: two_applications 127.0.0.1:8080 http://127.0.0.1:9001 http://127.0.0.1:9002 &
//         curl http://127.0.0.1:8080/shop/cart
//
// Two applications at one address. The first serves all below /shop and never sees that prefix.
#include <onehop/onehop.hpp>

int main(int argc, char** argv) {
  const auto url = [&](int i, const char* text) {
    return onehop::Url::parse(argc > i ? argv[i] : text);
  };
  const auto shop = url(2, "http://127.0.0.1:9001");
  const auto site = url(3, "http://127.0.0.1:9002");
  if (!shop || !site) return 2;
  onehop::Routes routes({
      {.path = "/shop/*",
       .to = onehop::make_handler(onehop::single_host_reverse_proxy(*shop)),
       .strip_prefix = "/shop",
       .map_back = true},
      {.to = onehop::make_handler(onehop::single_host_reverse_proxy(*site))},
  });
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080", .stop_on_signals = true});
  return server.run(std::move(routes));
}
