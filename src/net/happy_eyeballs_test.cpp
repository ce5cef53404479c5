// SPDX-License-Identifier: Apache-2.0
#include "net/happy_eyeballs.hpp"

#include <onehop/task.hpp>

#include "net/tcp_listener.hpp"
#include "support/failing_allocation.hpp"
#include "support/run_task.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace onehop::net {
namespace {

using std::chrono::seconds;

// All of 127.0.0.0/8 is this machine, and no listener uses this port.
constexpr std::uint16_t kRefused = 1;

struct Reports final : DialReports {
  void on_attempt_failed(std::string_view address, const Error& error) noexcept override {
    failed.emplace_back(address);
    last = error;
  }
  std::vector<std::string> failed;
  std::optional<Error> last;
};

task<Result<ConnectRace::Winner>> run(io::Reactor& reactor,
                                      const std::vector<Address>& addresses,
                                      DialReports* reports = nullptr) {
  const RaceOptions options{seconds(20), seconds(20), reactor.now() + seconds(50), reports};
  ConnectRace race(reactor, options, addresses);
  co_return co_await race;
}

TEST(ConnectRace, OtherWorkRunsBetweenTwoRefusals) {
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

TEST(ConnectRace, EachAttemptThatFailsIsReported) {
  io::Reactor reactor;
  auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(listener);
  Reports reports;
  const auto winner = run_task(
      reactor,
      run(reactor, {*Address::from_ip("127.0.0.2", kRefused), listener->address()}, &reports));
  ASSERT_TRUE(winner);
  EXPECT_EQ(reports.failed, std::vector<std::string>{"127.0.0.2:1"});
  EXPECT_EQ(reports.last->side(), Side::upstream);
  EXPECT_EQ(reports.last->phase(), Phase::connect);
}

// Regression: the race blamed the upstream, which was then reported as down.
TEST(ConnectRace, RunningOutOfDescriptorsIsALocalError) {
  io::Reactor reactor;
  const std::vector<Address> addresses = {*Address::from_ip("127.0.0.1", kRefused)};
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 1, .rlim_max = limit.rlim_max};
  Reports reports;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto winner = run_task(reactor, run(reactor, addresses, &reports));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_FALSE(winner);
  EXPECT_EQ(winner.error().code(), std::error_code(EMFILE, std::system_category()));
  EXPECT_EQ(winner.error().side(), Side::local);
  EXPECT_EQ(reports.last->side(), Side::local);
}

TEST(ConnectRace, TriesALongListOfRefusedAddressesWithoutDelay) {
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

// The next attempt begins in a callback. An exception that leaves it would end the event loop.
TEST(ConnectRace, FailsIfThereIsNoMemoryForTheNextAttempt) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  io::Reactor reactor;
  const io::Reactor::Enter enter(reactor);
  const std::vector<Address> addresses(24, *Address::from_ip("127.0.0.1", kRefused));
  auto racing = run(reactor, addresses);
  ASSERT_FALSE(racing.start());
  {
    const FailingAllocation failing(0);
    while (!racing.done())
      reactor.run_once(io::Duration::zero());
    EXPECT_TRUE(failing.is_over());
  }
  const auto winner = racing.take();
  ASSERT_FALSE(winner);
  EXPECT_EQ(winner.error().code(), std::error_code(ENOMEM, std::system_category()));
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

TEST(ConnectRace, AnUnsupportedAddressFamilyFailsOnlyThatAddress) {
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
