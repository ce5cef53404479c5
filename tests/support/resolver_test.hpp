// SPDX-License-Identifier: Apache-2.0
//
// ResolverTest has a resolver whose only name server is in the test.
#pragma once

#include "net/resolver.hpp"
#include "support/name_server.hpp"
#include "support/run_task.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::net {

inline std::vector<std::string> texts(const Result<std::vector<Address>>& addresses) {
  if (!addresses) return {addresses.error().to_string()};
  std::vector<std::string> list;
  for (const Address& address : *addresses)
    list.push_back(address.to_string());
  return list;
}

// The clock stands still, so that a TTL ends only when the test moves it.
class ResolverTest : public ::testing::Test {
 protected:
  static ResolverOptions options(const NameServer& server) {
    ResolverOptions options;
    options.servers = server.address();
    return options;
  }
  std::vector<std::string> resolve(const std::string& host, std::uint16_t port = 80) {
    return texts(run_task(reactor_, resolver_.resolve(host, port)));
  }
  void pass(io::Duration time) { reactor_.set_time(reactor_.now() + time); }
  void give(const std::string& name, const std::string& ip, std::uint32_t ttl) {
    NameServer::Host host;
    host.v4 = {ip};
    host.ttl = ttl;
    server_.set_host(name, host);
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  NameServer server_{reactor_};
  Resolver resolver_{reactor_, options(server_)};
};

}  // namespace onehop::net
