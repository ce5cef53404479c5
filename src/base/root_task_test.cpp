// SPDX-License-Identifier: Apache-2.0
#include "base/root_task.hpp"

#include "base/exception_text.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

// Suspends a given number of times, and then throws or returns.
class Looping {
 public:
  void start(int waits, bool throws) {
    waits_ = waits;
    throws_ = throws;
    running_ = run();
    running_.start();
  }
  void go_on() { std::exchange(waiting_, {}).resume(); }
  void cancel() { running_ = {}; }
  void on_exception() noexcept { heard_ = exception_text(); }

  std::string heard_;
  bool is_over_ = false;

 private:
  struct Wait {
    explicit Wait(Looping& l) noexcept : looping(l) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { looping.waiting_ = handle; }
    void await_resume() const noexcept {}
    Looping& looping;
  };
  struct Over {
    explicit Over(bool& o) noexcept : over(o) {}
    Over(const Over&) = delete;
    Over& operator=(const Over&) = delete;
    ~Over() { over = true; }
    bool& over;
  };

  RootTask<Looping> run() {
    const Over over(is_over_);
    for (int i = 0; i < waits_; ++i) {
      Wait wait(*this);
      co_await wait;
    }
    if (throws_) throw std::runtime_error("enough");
  }

  int waits_ = 0;
  bool throws_ = false;
  std::coroutine_handle<> waiting_;
  RootTask<Looping> running_;
};

TEST(RootTask, ReportsNothingOnSuccess) {
  Looping looping;
  looping.start(1, false);
  EXPECT_FALSE(looping.is_over_);
  looping.go_on();
  EXPECT_TRUE(looping.is_over_);
  EXPECT_EQ(looping.heard_, "");
}

TEST(RootTask, ReportsAnExceptionToItsOwner) {
  for (const int waits : {0, 1, 3}) {
    Looping looping;
    looping.start(waits, true);
    for (int i = 0; i < waits; ++i) {
      EXPECT_EQ(looping.heard_, "");
      looping.go_on();
    }
    EXPECT_EQ(looping.heard_, "enough");
    EXPECT_TRUE(looping.is_over_);
  }
}

TEST(RootTask, IsCancelledWhenItIsDestroyed) {
  Looping looping;
  looping.start(1, true);
  looping.cancel();
  EXPECT_TRUE(looping.is_over_);
  EXPECT_EQ(looping.heard_, "");
}

}  // namespace
}  // namespace onehop
