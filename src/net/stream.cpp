// SPDX-License-Identifier: Apache-2.0
#include "net/stream.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace onehop::net {

Stream::Stream(io::Reactor& reactor) noexcept
    : reactor_(reactor), timer_(io::call<&Stream::on_timer>(this)) {}

Stream::~Stream() = default;

void Stream::Awaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  stream_.reactor_.expect_current();
  io::Wakeup*& slot = reading_ ? stream_.reader_ : stream_.writer_;
  wakeup_.set_coroutine(handle);
  stream_.take_place(slot, wakeup_);
  stream_.begin_wait(reading_, deadline_);
}

void Stream::Awaiter::leave() noexcept {
  io::Wakeup*& slot = reading_ ? stream_.reader_ : stream_.writer_;
  if (slot == &wakeup_) slot = nullptr;
}

void Stream::Waiter::wait(Time deadline) noexcept {
  wakeup_.set_result(Wait::ready);
  if (what_ == For::reading ? stream_.is_readable() : stream_.is_writable()) {
    stream_.reactor_.schedule(wakeup_);
    return;
  }
  stream_.take_place(place(), wakeup_);
  stream_.begin_wait(what_ == For::reading, deadline);
}

void Stream::Waiter::cancel() noexcept {
  if (place() == &wakeup_) place() = nullptr;
  wakeup_.unlink();
}

// A place has one owner at a time. A second owner is a bug of this program. The wait of the first
// then ends, which costs this connection but not the process.
void Stream::take_place(io::Wakeup*& place, io::Wakeup& waiter) noexcept {
  ONEHOP_DCHECK(place == nullptr || place == &waiter);
  if (place != &waiter) wake(place, Wait::interrupted);
  place = &waiter;
}

void Stream::begin_wait(bool reading, Time deadline) noexcept {
  // The caller must be on the stream's thread. A test may run no reactor.
  ONEHOP_DCHECK(!io::Reactor::current_or_null() || io::Reactor::current_or_null() == &reactor_);
  if (reading && deadline != read_deadline_) looked_ = false;
  (reading ? read_deadline_ : write_deadline_) = deadline;
  arm_timer(deadline);
  prepare_wait();
}

void Stream::wake(io::Wakeup*& waiter, Wait result) noexcept {
  if (!waiter) return;
  waiter->set_result(result);
  reactor_.schedule(*std::exchange(waiter, nullptr));
}

void Stream::watch_hangup(io::Wakeup* wakeup, Hangup kind) noexcept {
  ONEHOP_DCHECK(!wakeup || !hangup_ || hangup_ == wakeup);  // there is one watcher at a time
  hangup_ = wakeup;
  hangup_kind_ = kind;
  if (!hangup_) return;
  if (has_hung_up(kind)) {
    reactor_.schedule(*std::exchange(hangup_, nullptr));
    return;
  }
  prepare_hangup_watch();
}

void Stream::watch_readable(io::Wakeup* wakeup) noexcept {
  if (!wakeup) {
    reader_ = nullptr;
    return;
  }
  take_place(reader_, *wakeup);
  read_deadline_ = io::kNever;
  prepare_wait();
}

void Stream::call_when_readable(io::Wakeup& wakeup) noexcept {
  if (is_readable()) {
    reactor_.schedule(wakeup);
    return;
  }
  take_place(reader_, wakeup);
  read_deadline_ = io::kNever;
  prepare_wait();
}

void Stream::call_when_writable(io::Wakeup& wakeup) noexcept {
  if (is_writable()) {
    reactor_.schedule(wakeup);
    return;
  }
  take_place(writer_, wakeup);
  write_deadline_ = io::kNever;
  prepare_wait();
}

void Stream::on_hangup(Ending ending) noexcept {
  ONEHOP_DCHECK(ending != Ending::none);
  ending_ = std::max(ending_, ending);
  if (has_hung_up(hangup_kind_)) wake(hangup_, Wait::ready);
}

// An armed timer may fire early: on_timer() then checks the deadlines and arms it again.
void Stream::arm_timer(Time deadline) noexcept {
  if (deadline == io::kNever) return;
  if (timer_.is_armed() && timer_.deadline() <= deadline) return;
  reactor_.timers().arm(timer_, deadline);
}

bool Stream::is_readable_after_all() {
  if (std::exchange(looked_, true)) return false;
  hint_more_input();
  return has_unread_now();
}

void Stream::on_timer() {
  const Time now = reactor_.now();
  Time next = io::kNever;
  if (reader_) {
    if (read_deadline_ <= now) {
      const Wait result = is_readable_after_all() ? Wait::ready : Wait::timed_out;
      wake(reader_, result);
    } else {
      next = std::min(next, read_deadline_);
    }
  }
  if (writer_) {
    if (write_deadline_ <= now) {
      wake(writer_, Wait::timed_out);
    } else {
      next = std::min(next, write_deadline_);
    }
  }
  if (extra_deadline_ <= now) {
    extra_deadline_ = io::kNever;
    on_extra_deadline();
  }
  next = std::min(next, extra_deadline_);
  arm_timer(next);
}

}  // namespace onehop::net
