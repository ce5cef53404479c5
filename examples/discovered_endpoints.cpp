// SPDX-License-Identifier: Apache-2.0
//
// Try it: printf 'http://127.0.0.1:9000\n' >backends  discovered_endpoints 127.0.0.1:8080 backends
//
// Custom discovery: the backends are the lines of a file, which is read every second.
#include <onehop/onehop.hpp>

#include <fstream>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto upstream = std::make_shared<onehop::Upstream>(onehop::Upstream::Options());
  const std::jthread discovery([upstream, argv](const std::stop_token& stop) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::seconds(1))) {
      std::ifstream file(argv[2]);
      std::vector<onehop::Upstream::Endpoint> found;
      for (std::string line; std::getline(file, line);)
        found.emplace_back(line);
      upstream->update(found);
    }
  });
  onehop::Server server({.listen = argv[1], .stop_on_signals = true});
  return server.run(onehop::upstream_reverse_proxy(upstream));
}
