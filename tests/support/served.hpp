// SPDX-License-Identifier: Apache-2.0
//
// Served is an in-memory network with a handler at "s:80", whose clients are the test. It keeps the
// records of ended exchanges. Time moves only when the test moves it.
#pragma once

#include <onehop/testing.hpp>

#include "support/bodies.hpp"
#include "support/messages.hpp"

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {

class Served : public ::testing::Test {
 protected:
  static constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

  template <class Function>
  testing::Wire connect(Function handler, Server::Options options = {}) {
    network_.serve("s:80", make_handler(std::move(handler)), exchanges_.watch(std::move(options)));
    return network_.connect("s:80");
  }
  // Serves a handler that returns the body that `make` makes.
  testing::Wire connect_to_body(std::function<std::unique_ptr<BodySource>()> make) {
    return connect([make](Request) { return Response(Status::ok, Headers(), Body::from(make())); });
  }

  ExchangeLog exchanges_;
  testing::Network network_;
};

}  // namespace onehop::test
