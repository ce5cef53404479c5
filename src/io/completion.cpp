// SPDX-License-Identifier: Apache-2.0
#include <onehop/completion.hpp>

#include "base/check.hpp"
#include "io/mailbox.hpp"
#include "io/reactor.hpp"

#include <coroutine>

namespace onehop::detail {

class CompletionSignal::Awaiter {
 public:
  explicit Awaiter(CompletionSignal& signal) noexcept : signal_(signal) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;
  ~Awaiter() {
    if (signal_.waiter_ != this) return;
    signal_.waiter_ = nullptr;
    signal_.reactor_.end_awaiting_result();
  }

  bool await_ready() const noexcept { return signal_.raised_; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    ONEHOP_DCHECK(signal_.waiter_ == nullptr);
    wakeup_.set_coroutine(handle);
    signal_.waiter_ = this;
    signal_.reactor_.begin_awaiting_result();
  }
  void await_resume() const noexcept { signal_.reactor_.expect_current(); }

  void wake() noexcept { signal_.reactor_.schedule(wakeup_); }

 private:
  CompletionSignal& signal_;
  io::Wakeup wakeup_;
};

CompletionSignal::CompletionSignal()
    : reactor_(io::Reactor::current()), mailbox_(reactor_.mailbox()) {}
CompletionSignal::~CompletionSignal() = default;

void CompletionSignal::raise(const std::shared_ptr<CompletionSignal>& signal) noexcept {
  signal->mailbox_->post_or_wait([signal] {
    signal->raised_ = true;
    if (signal->waiter_) signal->waiter_->wake();
  });
}

task<void> CompletionSignal::wait(std::shared_ptr<CompletionSignal> signal) {
  signal->reactor_.expect_current();
  Awaiter raised(*signal);
  co_await raised;
}

}  // namespace onehop::detail
