// SPDX-License-Identifier: Apache-2.0
//
// UpstreamTest has an in-memory Upstream of three backends behind a proxy.
#pragma once

#include <onehop/testing.hpp>
#include <onehop/upstream.hpp>

#include "support/messages.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::test {

class UpstreamTest : public ::testing::Test {
 protected:
  UpstreamTest() {
    for (const char* name : {"a:80", "b:80", "c:80"})
      network_.listen(name);
  }
  void start(Upstream::Options options = {}, Transport::Options transport = {}) {
    transport.dialer = network_.dialer();
    if (options.endpoints.empty()) options.endpoints = {"http://a", "http://b", "http://c"};
    options.balance = options.hash_key ? Balance::hash : Balance::first;
    options.transport = transport_ = std::make_shared<Transport>(transport);
    upstream_ = std::make_shared<Upstream>(std::move(options));
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(upstream_reverse_proxy(upstream_)),
                   exchanges_.watch({}));
  }
  testing::Wire client() {
    if (!upstream_) start();
    return network_.connect("proxy:80");
  }
  testing::Wire at(std::string_view name) { return network_.accept(std::string(name) + ":80"); }
  bool has_connection(std::string_view name) {
    try {
      const testing::Wire wire = at(name);
      return true;
    } catch (const std::out_of_range&) {
      return false;
    }
  }
  // Serves a backend that responds with its name.
  void serve(std::string_view name) {
    network_.serve(std::string(name) + ":80",
                   std::make_shared<testing::Recorder>(Status(200), std::string(name)));
  }
  std::string ask(std::string_view request) {
    testing::Wire wire = client();
    wire.send(request);
    return wire.receive();
  }
  static std::string get(std::string_view fields = "") {
    return "GET /path?query HTTP/1.1\r\nHost: site\r\n" + std::string(fields) + "\r\n";
  }
  static std::string post(std::string_view content) {
    return "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: " + std::to_string(content.size()) +
           "\r\n\r\n" + std::string(content);
  }
  static std::string ok(std::string_view content) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" +
           std::string(content);
  }
  // Returns the endpoints at the time of the network's clock.
  std::vector<Upstream::Status> endpoints() {
    auto ask = [](const Upstream& upstream) -> task<std::vector<Upstream::Status>> {
      co_return upstream.endpoints();
    };
    return network_.run(ask(*upstream_));
  }
  void update(std::vector<Upstream::Endpoint> endpoints) {
    auto ask = [](Upstream& upstream, std::vector<Upstream::Endpoint> list) -> task<bool> {
      upstream.update(std::move(list));
      co_return true;
    };
    network_.run(ask(*upstream_, std::move(endpoints)));
  }
  Upstream::State state(std::size_t index) { return endpoints().at(index).state; }

  ExchangeLog exchanges_;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Upstream> upstream_;
};

}  // namespace onehop::test
