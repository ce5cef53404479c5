// SPDX-License-Identifier: Apache-2.0
//
// co_await UntilHangup(stream, work) starts `work`, or continues to wait for it, until it has
// finished or the peer of `stream` has gone. Returns true if `work` has finished. Otherwise `work`
// is still running: await it again, or destroy it, which cancels it.
#pragma once

#include <onehop/task.hpp>

#include "net/stream.hpp"

#include <coroutine>

namespace onehop::server {

template <class T>
class UntilHangup {
 public:
  enum class Begin : std::uint8_t { start, go_on };

  UntilHangup(net::Stream& stream, task<T>& work, Begin begin, net::Stream::Hangup kind) noexcept
      : stream_(stream), work_(work), begin_(begin), kind_(kind) {}
  UntilHangup(const UntilHangup&) = delete;
  UntilHangup& operator=(const UntilHangup&) = delete;
  ~UntilHangup() { stop_watching(); }

  bool await_ready() const noexcept { return begin_ == Begin::go_on && work_.done(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (begin_ == Begin::start && work_.start(handle)) return false;
    wakeup_.set_coroutine(handle);
    watching_ = true;
    stream_.watch_hangup(&wakeup_, kind_);
    return true;
  }
  bool await_resume() noexcept {
    stream_.reactor().expect_current();
    stop_watching();
    return work_.done();
  }

 private:
  void stop_watching() noexcept {
    if (watching_) stream_.watch_hangup(nullptr);
    watching_ = false;
  }

  net::Stream& stream_;
  task<T>& work_;
  io::Wakeup wakeup_;
  Begin begin_;
  net::Stream::Hangup kind_;
  bool watching_ = false;
};

}  // namespace onehop::server
