// SPDX-License-Identifier: Apache-2.0
#include "net/happy_eyeballs.hpp"

#include <onehop/task.hpp>

#include "net/tcp_listener.hpp"
#include "support/run_task.hpp"

#include <cerrno>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using std::chrono::seconds;

// All of 127.0.0.0/8 is this machine; no listener uses this port.
constexpr std::uint16_t kRefused = 1;

task<Result<ConnectRace::Winner>> run(io::Reactor& reactor, const std::vector<Address>& addresses) {
  const RaceOptions options{seconds(20), seconds(20), reactor.now() + seconds(50)};
  ConnectRace race(reactor, options, addresses);
  co_return co_await race;
}

TEST(ConnectRace, OthersRunBetweenTwoRefusals) {
  struct Other {
    explicit Other(io::Reactor& r) : reactor(r) {}
    io::Reactor& reactor;
    int runs = 0;
    io::Wakeup wakeup{[](void* self) {
                        auto& other = *static_cast<Other*>(self);
                        ++other.runs;
                        other.reactor.schedule(other.wakeup);
                      },
                      this};
  };
  io::Reactor reactor;
  const std::vector<Address> addresses(24, *Address::from_ip("127.0.0.1", kRefused));
  Other other(reactor);
  reactor.schedule(other.wakeup);
  const auto winner = run_task(reactor, run(reactor, addresses));
  ASSERT_FALSE(winner);
  EXPECT_GE(other.runs, 23);
}

TEST(ConnectRace, ALongListOfRefusedAddressesIsGoneThroughAtOnce) {
  io::Reactor reactor;
  std::vector<Address> addresses(1000, *Address::from_ip("127.0.0.1", kRefused));
  auto winner = run_task(reactor, run(reactor, addresses));
  ASSERT_FALSE(winner);
  EXPECT_EQ(winner.error().code(), std::error_code(ECONNREFUSED, std::system_category()));

  auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(listener);
  addresses.push_back(listener->address());
  winner = run_task(reactor, run(reactor, addresses));
  ASSERT_TRUE(winner) << winner.error().to_string();
  EXPECT_EQ(winner->address, listener->address());
}

TEST(ConnectRace, TheWinnerCanBeRegisteredWithAnEventLoop) {
  struct Ignore final : io::Watcher {
    void on_events(std::uint32_t) noexcept override {}
  };
  io::Reactor reactor;
  const auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(listener);
  const std::vector<Address> addresses{listener->address()};
  const auto winner = run_task(reactor, run(reactor, addresses));
  ASSERT_TRUE(winner);
  Ignore watcher;
  EXPECT_TRUE(reactor.add(winner->socket.get(), watcher, EPOLLIN));
  reactor.remove(winner->socket.get());
}

TEST(ConnectRace, AnAddressFamilyTheMachineLacksIsAFailureOfThatAddressOnly) {
  io::Reactor reactor;
  const auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(listener);
  sockaddr_storage strange{};
  strange.ss_family = 200;
  const auto* data = reinterpret_cast<const sockaddr*>(&strange);
  const std::vector<Address> addresses{Address(data, sizeof strange), listener->address()};
  const auto winner = run_task(reactor, run(reactor, addresses));
  ASSERT_TRUE(winner) << winner.error().to_string();
}

}  // namespace
}  // namespace onehop::net
