// SPDX-License-Identifier: Apache-2.0
#include "program/draining_processes.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using namespace std::chrono_literals;

// A draining process, which responds and records its orders.
class Drainer {
 public:
  explicit Drainer(DrainingProcesses& processes, std::uint64_t requests) {
    auto made = ProcessChannel::make();
    EXPECT_TRUE(made);
    processes.add(std::move(made->first));
    channel_ = std::move(made->second);
    thread_ = std::jthread([this, requests](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const auto order = receive_order(channel_, 5ms);
        if (!order && order.error().is(Errc::closed)) return;
        if (!order) continue;
        if (*order == Order::report) report(requests);
        if (*order == Order::stop) stopped = true;
        if (*order == Order::reopen) reopened = true;
      }
    });
  }
  Drainer(const Drainer&) = delete;
  Drainer& operator=(const Drainer&) = delete;
  ~Drainer() = default;

  void say_last(std::uint64_t requests) const { report(requests); }

  std::atomic<bool> stopped = false;
  std::atomic<bool> reopened = false;

 private:
  void report(std::uint64_t requests) const {
    observe::MetricCounts counts;
    counts.add({.name = "onehop_things_total"}, {.sum = static_cast<double>(requests)});
    (void)send(channel_, Progress{.requests = requests, .counts = counts.text()});
  }

  ProcessChannel channel_;
  std::jthread thread_;
};

double things(const observe::MetricCounts& counts) {
  double sum = 0;
  for (const auto& [series, value] : counts.all())
    sum += value.sum;
  return sum;
}

bool becomes_true(const std::atomic<bool>& flag) {
  for (int i = 0; i < 1000 && !flag; ++i)
    std::this_thread::sleep_for(10ms);
  return flag;
}

TEST(DrainingProcessesTest, AreQueriedUntilTheyEnd) {
  DrainingProcesses processes;
  EXPECT_TRUE(processes.ask().empty());
  auto first = std::make_unique<Drainer>(processes, 1);
  const Drainer second(processes, 2);
  auto all = processes.ask();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].requests, 1u);
  EXPECT_EQ(all[1].requests, 2u);
  processes.reopen_logs();
  EXPECT_TRUE(becomes_true(first->reopened));
  EXPECT_TRUE(becomes_true(second.reopened));
  EXPECT_EQ(things(processes.counts()), 3);
  first.reset();
  all = processes.ask();
  EXPECT_EQ(things(processes.counts()), 3) << "of the one that has ended, too";
  processes.add_counts(processes.counts());
  EXPECT_EQ(things(processes.counts()), 6);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].requests, 2u);
}

TEST(DrainingProcessesTest, TheOldestIsStoppedToMakeRoom) {
  DrainingProcesses processes;
  const Drainer first(processes, 1);
  const Drainer second(processes, 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(processes.hand_over().channels.size(), DrainingProcesses::kMax - 1);
    processes.keep();
    EXPECT_EQ(processes.ask().size(), 2u) << "the upgrade may fail";
  }
  EXPECT_EQ(things(processes.hand_over().counts), 1) << "the next process asks the other one";
  EXPECT_FALSE(first.stopped);
  processes.leave();
  EXPECT_TRUE(becomes_true(first.stopped));
  EXPECT_FALSE(second.stopped);
  EXPECT_TRUE(processes.ask().empty());
}

TEST(DrainingProcessesTest, AreWaitedForUntilTheirTimeout) {
  DrainingProcesses processes;
  processes.wait_for_end();
  const Drainer first(processes, 1);
  const auto began = std::chrono::steady_clock::now();
  processes.wait_for_end();  // the drainer reports that no time is left
  EXPECT_GE(std::chrono::steady_clock::now() - began, 900ms);
  EXPECT_EQ(processes.ask().size(), 1u);
  processes.stop();
  EXPECT_TRUE(becomes_true(first.stopped));
}

TEST(DrainingProcessesTest, AProcessThatDoesNotReadIsNotForgotten) {
  auto made = ProcessChannel::make();
  ASSERT_TRUE(made);
  while (made->first.send("x")) {  // until the channel is full
  }
  DrainingProcesses processes;
  processes.add(std::move(made->first));
  EXPECT_TRUE(processes.ask().empty());
  EXPECT_EQ(processes.hand_over().channels.size(), 1u);
  made->second = ProcessChannel();
  EXPECT_TRUE(processes.ask().empty());
  processes.keep();
  EXPECT_TRUE(processes.ask().empty());
  EXPECT_TRUE(processes.hand_over().channels.empty());
}

// While the next process starts, scrapes of this process ask for reports as well.
TEST(DrainingProcessesTest, TheFinalReportOfAnEndingProcessGoesToTheNextProcess) {
  DrainingProcesses before;
  auto drainer = std::make_unique<Drainer>(before, 7);
  EXPECT_EQ(before.ask().size(), 1u);
  DrainingProcesses::HandedOver handed = before.hand_over();
  drainer->say_last(9);
  drainer.reset();
  EXPECT_EQ(before.ask().size(), 1u);
  EXPECT_EQ(things(before.counts()), 7);
  before.leave();
  DrainingProcesses next;
  next.add_counts(handed.counts);
  next.add(std::move(handed.channels.front()));
  EXPECT_TRUE(next.ask().empty());
  EXPECT_EQ(things(next.counts()), 9);
}

}  // namespace
}  // namespace onehop::program
