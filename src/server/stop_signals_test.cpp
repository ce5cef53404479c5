// SPDX-License-Identifier: Apache-2.0
#include "server/stop_signals.hpp"

#include <onehop/server.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

namespace onehop::server {
namespace {

using Which = StopSignals::Which;

std::atomic<int> seen_by_the_program = 0;
void see(int) {
  ++seen_by_the_program;
}

// Installs handlers of the program, and checks that they are restored.
class StopSignalsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    seen_by_the_program = 0;
    terminate_before_ = ::signal(SIGTERM, see);
    interrupt_before_ = ::signal(SIGINT, SIG_IGN);
  }
  void TearDown() override {
    EXPECT_EQ(::signal(SIGTERM, terminate_before_), see);
    EXPECT_EQ(::signal(SIGINT, interrupt_before_), SIG_IGN);
  }
  static void wait_for(const std::atomic<int>& count, int wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (count < wanted && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(count, wanted);
  }

 private:
  sighandler_t terminate_before_ = nullptr;
  sighandler_t interrupt_before_ = nullptr;
};

TEST_F(StopSignalsTest, ReportsTwoSignalsAndPassesOnTheThird) {
  std::atomic<int> firsts = 0, seconds = 0;
  const StopSignals signals([&](Which which) { ++(which == Which::first ? firsts : seconds); });
  ::raise(SIGTERM);
  wait_for(firsts, 1);
  EXPECT_EQ(seconds, 0);
  ::raise(SIGTERM);
  wait_for(seconds, 1);
  EXPECT_EQ(seen_by_the_program, 0);
  ::raise(SIGTERM);
  EXPECT_EQ(seen_by_the_program, 1);
}

TEST_F(StopSignalsTest, ReportsToEveryInstance) {
  std::atomic<int> calls = 0;
  const StopSignals one([&](Which) { ++calls; });
  {
    const StopSignals other([&](Which) { ++calls; });
    ::raise(SIGTERM);
    wait_for(calls, 2);
  }
  ::raise(SIGTERM);
  wait_for(calls, 3);
  EXPECT_EQ(seen_by_the_program, 0);
}

TEST_F(StopSignalsTest, AnIgnoredSignalStaysIgnored) {
  std::atomic<int> calls = 0;
  {
    const StopSignals signals([&](Which) { ++calls; });
    ::raise(SIGINT);
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(StopSignalsTest, RejectsTooManyInstances) {
  std::vector<std::unique_ptr<StopSignals>> all;
  EXPECT_THROW(
      for (int i = 0; i < 100; ++i) all.push_back(std::make_unique<StopSignals>([](Which) {})),
      std::runtime_error);
  EXPECT_EQ(all.size(), 16u);
}

TEST_F(StopSignalsTest, AServerRunsUntilASignalArrives) {
  Server server({.listen = "127.0.0.1:0", .workers = 1, .stop_on_signals = true});
  ASSERT_TRUE(server.start(make_handler([](Request) { return Response(Status::no_content); })));
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(server.wait());
  EXPECT_TRUE(server.stop());
  EXPECT_EQ(seen_by_the_program, 0);
}

}  // namespace
}  // namespace onehop::server
