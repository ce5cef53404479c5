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

// Every address of 127.0.0.0/8 is this machine; nobody listens on this port of it.
constexpr std::uint16_t kRefused = 1;

task<Result<ConnectRace::Winner>> run(io::Reactor& reactor, const std::vector<Address>& addresses) {
  const RaceOptions options{seconds(20), seconds(20), reactor.now() + seconds(50)};
  ConnectRace race(reactor, options, addresses);
  co_return co_await race;
}

TEST(ConnectRace, others_run_between_two_refusals) {
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

TEST(ConnectRace, a_long_list_of_refused_addresses_is_gone_through_at_once) {
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

TEST(ConnectRace, the_winner_can_be_registered_with_an_event_loop) {
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

TEST(ConnectRace, an_address_family_the_machine_lacks_is_a_failure_of_that_address_only) {
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
