// SPDX-License-Identifier: Apache-2.0
#include "program/reload_queue.hpp"

#include <atomic>
#include <semaphore>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::ElementsAre;

// A reload that waits for the test.
struct Slow {
  std::binary_semaphore begun{0};
  std::counting_semaphore<16> may_end{0};
  std::mutex mutex;
  std::vector<std::string> triggers;

  ReloadQueue::Result operator()(const std::string& trigger) {
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex);
      triggers.push_back(trigger);
      number = triggers.size();
    }
    begun.release();
    may_end.acquire();
    return {.done = true, .summary = "number " + std::to_string(number)};
  }
};

TEST(ReloadQueueTest, RunsReloadsSequentially) {
  Slow slow;
  slow.may_end.release(2);
  ReloadQueue queue([&](const std::string& trigger) { return slow(trigger); });
  EXPECT_EQ(queue.request("HUP").get().summary, "number 1");
  EXPECT_EQ(queue.request("HUP").get().summary, "number 2");
}

TEST(ReloadQueueTest, MergesRequestsThatArriveMeanwhile) {
  Slow slow;
  ReloadQueue queue([&](const std::string& trigger) { return slow(trigger); });
  const auto first = queue.request("HUP");
  slow.begun.acquire();
  std::vector<std::shared_future<ReloadQueue::Result>> later;
  for (int i = 0; i < 100; ++i)
    later.push_back(queue.request(i % 2 == 0 ? "HUP" : "onehop reload"));
  slow.may_end.release(2);
  EXPECT_EQ(first.get().summary, "number 1");
  for (const auto& each : later)
    EXPECT_EQ(each.get().summary, "number 2");
  EXPECT_THAT(slow.triggers, ElementsAre("HUP", "HUP, onehop reload"));
}

TEST(ReloadQueueTest, CloseRefusesWaitingRequestsAndWaitsForTheRunningOne) {
  Slow slow;
  ReloadQueue queue([&](const std::string& trigger) { return slow(trigger); });
  const auto running = queue.request("HUP");
  slow.begun.acquire();
  const auto waiting = queue.request("HUP");
  std::atomic<bool> closed = false;
  std::thread closing([&] {
    queue.close("it drains");
    closed = true;
  });
  // The queue refuses requests once it closes.
  while (queue.request("HUP").wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    std::this_thread::yield();
  EXPECT_FALSE(closed);
  slow.may_end.release();
  closing.join();
  EXPECT_TRUE(running.get().done);
  EXPECT_FALSE(waiting.get().done);
  EXPECT_EQ(waiting.get().summary, "no reload: it drains");
  EXPECT_EQ(queue.request("HUP").get().summary, "no reload: it drains");
  EXPECT_THAT(slow.triggers, ElementsAre("HUP"));
}

// The end of the process does not wait for a reload that hangs.
TEST(ReloadQueueTest, RefusesWithoutWaitingAndReportsWhatItRefused) {
  Slow slow;
  std::vector<std::string> refused;
  ReloadQueue queue([&](const std::string& trigger) { return slow(trigger); },
                    [&](const std::string& trigger, const ReloadQueue::Result& refusal) {
                      refused.push_back(trigger + ": " + refusal.summary);
                    });
  const auto running = queue.request("HUP");
  slow.begun.acquire();
  const auto waiting = queue.request("HUP");
  (void)queue.request("onehop reload");
  queue.refuse("it drains");
  EXPECT_EQ(waiting.get().summary, "no reload: it drains") << "while the other one runs";
  EXPECT_EQ(queue.request("--watch-config").get().summary, "no reload: it drains");
  EXPECT_THAT(refused, ElementsAre("HUP, onehop reload: no reload: it drains",
                                   "--watch-config: no reload: it drains"));
  slow.may_end.release();
  EXPECT_TRUE(running.get().done);
}

TEST(ReloadQueueTest, ClosesOnTwoThreadsAtOnce) {
  Slow slow;
  ReloadQueue queue([&](const std::string& trigger) { return slow(trigger); });
  const auto running = queue.request("HUP");
  slow.begun.acquire();
  std::atomic<int> closed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      queue.close("it drains");
      EXPECT_EQ(running.wait_for(std::chrono::seconds(0)), std::future_status::ready);
      ++closed;
    });
  }
  EXPECT_EQ(closed, 0);
  slow.may_end.release();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(closed, 4);
}

TEST(ReloadQueueTest, CanBeDestroyedWithoutARequest) {
  ReloadQueue queue([](const std::string&) { return ReloadQueue::Result(); });
}

}  // namespace
}  // namespace onehop::program
