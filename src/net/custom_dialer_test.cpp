// SPDX-License-Identifier: Apache-2.0
#include "net/custom_dialer.hpp"

#include <onehop/scope.hpp>

#include "support/run_task.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::net {
namespace {

class FunctionDialer final : public onehop::Dialer {
 public:
  using Function = std::function<task<Result<DialledConnection>>(const DialTarget&)>;
  explicit FunctionDialer(Function function) : function_(std::move(function)) {}
  task<Result<DialledConnection>> dial(const DialTarget& target) const override {
    return function_(target);
  }

 private:
  Function function_;
};

class CustomDialerTest : public ::testing::Test {
 protected:
  Result<Dialled> dial(FunctionDialer::Function function,
                       const Destination& destination = {"a.test", 80}) {
    const io::Reactor::Enter enter(reactor_);
    CustomDialer dialer(std::make_shared<FunctionDialer>(std::move(function)),
                        std::chrono::milliseconds(20));
    return run_task(reactor_, dialer.dial(destination));
  }

  io::Reactor reactor_;
};

TEST_F(CustomDialerTest, WrapsASocketInAStream) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const io::FileDescriptor far(ends[1]);
  std::string asked;
  auto dialled = dial([&](const DialTarget& target) -> task<Result<DialledConnection>> {
    asked = target.host + ":" + std::to_string(target.port) + target.socket_path;
    co_return DialledConnection(ends[0], "the pair");
  });
  ASSERT_TRUE(dialled);
  EXPECT_EQ(asked, "a.test:80");
  EXPECT_EQ(dialled->address, "the pair");
  std::array<char, 8> got{};
  EXPECT_EQ(dialled->stream->try_read(got.data(), got.size()),
            IoResult::must_wait());  // the socket does not block
  EXPECT_EQ(dialled->stream->try_write("hello", 5), 5);
  EXPECT_EQ(::read(far.get(), got.data(), got.size()), 5);
}

TEST_F(CustomDialerTest, PassesThePathOfAUnixSocket) {
  std::string asked;
  const auto dialled = dial(
      [&](const DialTarget& target) -> task<Result<DialledConnection>> {
        asked = target.socket_path;
        co_return failure(Error::system(ECONNREFUSED, Side::upstream));
      },
      Destination("/run/app.sock"));
  EXPECT_EQ(asked, "/run/app.sock");
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().to_string(),
            "connect: Connection refused (while connecting to unix:/run/app.sock)");
  EXPECT_TRUE(dialled.error().retry_safe());
}

TEST_F(CustomDialerTest, GivesUpAfterItsTimeout) {
  const auto dialled = dial([](const DialTarget&) -> task<Result<DialledConnection>> {
    auto pause = sleep_for(std::chrono::hours(1));
    co_await std::move(pause);
    co_return failure(Errc::closed, Side::upstream);
  });
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Errc::timed_out));
  EXPECT_EQ(dialled.error().side(), Side::upstream);
}

// Regression: the Transport's error replaced the dialer's, and its text was lost.
TEST_F(CustomDialerTest, KeepsATimeoutErrorOfTheDialerItself) {
  const auto dialled = dial([](const DialTarget&) -> task<Result<DialledConnection>> {
    co_return failure(Errc::timed_out, Side::local, "the tunnel is not up");
  });
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Errc::timed_out));
  EXPECT_EQ(dialled.error().side(), Side::local);
  EXPECT_EQ(dialled.error().detail(), "the tunnel is not up; while connecting to a.test:80");
}

TEST_F(CustomDialerTest, AnExceptionIsAConnectFailure) {
  const auto dialled = dial([](const DialTarget&) -> task<Result<DialledConnection>> {
    throw std::runtime_error("no route");
  });
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Errc::connect_failed));
  EXPECT_EQ(dialled.error().detail(), "the dialer threw: no route; while connecting to a.test:80");
}

TEST_F(CustomDialerTest, RefusesANegativeSocket) {
  EXPECT_THROW(DialledConnection(-1, "none"), std::invalid_argument);
}

}  // namespace
}  // namespace onehop::net
