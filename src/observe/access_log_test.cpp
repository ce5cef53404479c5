// SPDX-License-Identifier: Apache-2.0
#include "observe/access_log.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

// A pipe that the test reads from.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  int writable() const { return ends_[1]; }
  // Returns the first data that arrives within `patience` milliseconds.
  std::string read_within(int patience) const {
    pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, patience) <= 0) return {};
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(ends_[0], buffer.data(), buffer.size());
    return std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }

 private:
  std::array<int, 2> ends_{};
};

ExchangeRecord exchange_for(std::string_view target) {
  ExchangeRecord exchange;
  exchange.target = target;
  exchange.status = 200;
  return exchange;
}

constexpr int kPatience = 30'000;  // milliseconds; never fully waited for
constexpr std::chrono::hours kEndless(1);

TEST(AccessLog, WritesALineAfterAPauseAtOnce) {
  const Pipe pipe;
  AccessLog log(AccessLogFormat::text, pipe.writable(), kEndless);
  log.record(exchange_for("/one"));
  EXPECT_NE(pipe.read_within(kPatience).find("GET /one"), std::string::npos);
}

TEST(AccessLog, WritesTheRestOfABurstSoon) {
  const Pipe pipe;
  AccessLog log(AccessLogFormat::text, pipe.writable());
  for (int i = 0; i < 3; ++i) {
    log.record(exchange_for("/x"));
    EXPECT_NE(pipe.read_within(kPatience).find("GET /x"), std::string::npos);
  }
}

// Under load, one write has the lines of many requests.
TEST(AccessLog, BatchesLinesWithinThePause) {
  const Pipe pipe;
  {
    AccessLog log(AccessLogFormat::text, pipe.writable(), kEndless);
    log.record(exchange_for("/first"));
    ASSERT_NE(pipe.read_within(kPatience), "");
    for (int i = 0; i < 50; ++i)
      log.record(exchange_for("/x"));
    EXPECT_EQ(pipe.read_within(0), "");
  }
  const std::string written = pipe.read_within(0);
  EXPECT_EQ(std::ranges::count(written, '\n'), 50);
}

TEST(AccessLog, WritesALargeBatchBeforeThePauseEnds) {
  const Pipe pipe;
  AccessLog log(AccessLogFormat::text, pipe.writable(), kEndless);
  log.record(exchange_for("/first"));
  ASSERT_NE(pipe.read_within(kPatience), "");
  const std::string target = "/" + std::string(8000, 'x');
  for (int i = 0; i < 9; ++i)
    log.record(exchange_for(target));
  std::string written = pipe.read_within(kPatience);
  EXPECT_NE(written, "");
  // Reads all lines, since the pipe must outlive the log.
  while (std::ranges::count(written, '\n') < 8)
    written += pipe.read_within(kPatience);
}

TEST(AccessLog, WritesPendingLinesOnDestruction) {
  const Pipe pipe;
  {
    AccessLog log(AccessLogFormat::json, pipe.writable());
    log.record(exchange_for("/last"));
  }
  EXPECT_NE(pipe.read_within(0).find("\"/last\""), std::string::npos);
}

TEST(AccessLog, WritesNothingWhenOff) {
  const Pipe pipe;
  {
    AccessLog log(AccessLogFormat::off, pipe.writable());
    log.record(exchange_for("/never"));
  }
  EXPECT_EQ(pipe.read_within(0), "");
}

TEST(AccessLog, KeepsTheLinesOfAllThreadsWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 100;
  const Pipe pipe;
  {
    AccessLog log(AccessLogFormat::text, pipe.writable());
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log] {
        for (int i = 0; i < kLines; ++i)
          log.record(exchange_for("/x"));
      });
    }
    threads.clear();
  }
  const std::string written = pipe.read_within(0);
  EXPECT_EQ(std::ranges::count(written, '\n'), kThreads * kLines);
}

TEST(AccessLog, DropsLinesRatherThanBlockOnAReader) {
  const Pipe pipe;
  const std::string target = "/" + std::string(8000, 'x');
  std::uint64_t lost = 0;
  {
    AccessLog log(AccessLogFormat::text, pipe.writable());
    for (int i = 0; i < 2000; ++i)
      log.record(exchange_for(target));
    lost = log.lost();
    std::jthread reader([&pipe] {
      while (!pipe.read_within(500).empty()) {
      }
    });
  }
  EXPECT_GT(lost, 0U);
}

}  // namespace
}  // namespace onehop::observe
