// SPDX-License-Identifier: Apache-2.0
#include <onehop/worker_ref.hpp>

#include <onehop/event.hpp>
#include <onehop/testing.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace onehop {
namespace {

task<WorkerRef> own_worker() {
  co_return current_worker();
}

task<std::thread::id> run_by_another_thread() {
  Event ran;
  std::thread::id where;
  const WorkerRef worker = current_worker();
  const std::jthread other([&] {
    worker.post([&] {
      where = std::this_thread::get_id();
      ran.set();
    });
  });
  auto waiting = ran.wait();
  co_await std::move(waiting);
  co_return where;
}

TEST(WorkerRefTest, RunsAPostedFunctionOnTheWorker) {
  EXPECT_EQ(testing::run(run_by_another_thread()), std::this_thread::get_id());
}

TEST(WorkerRefTest, ReturnsFalseOnceTheWorkerHasEnded) {
  const WorkerRef worker = testing::run(own_worker());
  auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = kept;
  EXPECT_FALSE(worker.post([kept = std::move(kept)] { ADD_FAILURE() << *kept; }));
  EXPECT_TRUE(watched.expired());
  EXPECT_FALSE(worker.is_current());
}

TEST(WorkerRefTest, RefersToNoWorkerByDefault) {
  const WorkerRef worker;
  EXPECT_FALSE(worker.post([] { ADD_FAILURE(); }));
  EXPECT_FALSE(worker.is_current());
}

TEST(WorkerRefTest, RefusesAnEmptyFunction) {
  EXPECT_THROW(WorkerRef().post({}), std::invalid_argument);
}

TEST(WorkerRefTest, ReportsWhatAPostedFunctionThrows) {
  ::testing::internal::CaptureStderr();
  testing::run([]() -> task<void> {
    EXPECT_TRUE(current_worker().is_current());
    current_worker().post([] { throw std::runtime_error("no such table"); });
    Event after;
    current_worker().post([&] { after.set(); });
    auto waiting = after.wait();
    co_await std::move(waiting);
  }());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "onehop: a function posted to a worker threw: no such table\n");
}

}  // namespace
}  // namespace onehop
