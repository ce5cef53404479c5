// SPDX-License-Identifier: Apache-2.0
//
// Proxied is an in-memory network with a proxy at "proxy:80", whose backend at "backend:80" is the
// test. Both ends of every exchange are wires. Time moves only when the test moves it.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/messages.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {

class Proxied : public ::testing::Test {
 protected:
  Proxied() { network_.listen("backend:80"); }

  // Serves at "proxy:80". Must be called once, before the first client. Sets the options' rewrite
  // and transport.
  void start(Transport::Options transport,
             Server::Options server = {},
             ReverseProxy::Options proxy = {}) {
    transport.dialer = network_.dialer();
    transport_ = std::make_shared<Transport>(transport);
    proxy.transport = transport_;
    proxy.rewrite = [](ProxyRequest& request) {
      request.set_url(Url::parse("http://backend").value());
    };
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch(std::move(server)));
  }
  testing::Wire client() {
    if (!transport_) start({});
    return network_.connect("proxy:80");
  }
  testing::Wire backend() { return network_.accept("backend:80"); }
  // Reports whether no connection of the proxy to the backend waits to be accepted.
  bool nobody_connects() {
    try {
      const testing::Wire unexpected = backend();
      return false;
    } catch (const std::out_of_range&) {
      return true;
    }
  }

  static std::string get(std::string_view target = "/") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  static std::string post(std::string_view content) {
    return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(content.size()) +
           "\r\n\r\n" + std::string(content);
  }
  static std::string ok(std::string_view content) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" +
           std::string(content);
  }

  ExchangeLog exchanges_;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
};

}  // namespace onehop::test
