// SPDX-License-Identifier: Apache-2.0
#include "io/mailbox.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace onehop::io {

Mailbox::Mailbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw std::system_error(errno, std::system_category(), "eventfd");
}

bool Mailbox::post(Work work) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    first = posted_.empty();
    posted_.push_back(std::move(work));
    has_mail_.store(true, std::memory_order_release);
  }
  if (!first) return true;
  // The counter of an eventfd that is never read stays readable, but edge-triggered epoll reports
  // every write.
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  return true;
}

void Mailbox::wait_for_memory() noexcept {
  static constexpr std::chrono::milliseconds kPause(1);
  std::this_thread::sleep_for(kPause);
}

std::vector<Mailbox::Work> Mailbox::take() {
  std::vector<Work> work;
  const std::lock_guard lock(mutex_);
  work.swap(posted_);
  has_mail_.store(false, std::memory_order_release);
  return work;
}

void Mailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  take();  // destroyed without the mutex: a destructor may call post()
}

}  // namespace onehop::io
