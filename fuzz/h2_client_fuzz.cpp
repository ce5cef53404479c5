// SPDX-License-Identifier: Apache-2.0
//
// Runs a whole connection to an HTTP/2 upstream: the proxy sends requests, and arbitrary frames
// come back. The client gets an HTTP/1.1 response or the end of the connection, without a crash,
// leak or endless wait. Input: see FramesInput.

#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "frames_input.hpp"

namespace onehop::fuzz {

using namespace onehop::literals;  // NOLINT(google-build-using-namespace)

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const FramesInput frames(input);
  testing::Network network;
  network.listen("up:80");
  ReverseProxy::Options options;
  options.rewrite = [](ProxyRequest& request) { request.set_url("h2c://up:80"_url); };
  options.transport = std::make_shared<Transport>(network.transport_options());
  Server::Options server;
  server.on_exchange_end = [](const ExchangeRecord&) {};
  network.serve("front:80", std::make_shared<ReverseProxy>(std::move(options)), server);
  testing::Wire client = network.connect("front:80");
  client.send(
      "POST /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: "
      "5\r\n\r\nhello");
  testing::Wire upstream = network.accept("up:80");
  constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
  upstream.send(kSettings);
  upstream.send(frames.before);
  network.advance(std::chrono::seconds(20));
  upstream.send(frames.after);
  upstream.send(frames.flood);
  network.advance(std::chrono::seconds(20));
  upstream.receive();
  upstream.close();
  network.advance(std::chrono::minutes(10));
  ONEHOP_CHECK(client.receive().size() > 0 || client.at_end());
}

}  // namespace onehop::fuzz
