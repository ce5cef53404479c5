// SPDX-License-Identifier: Apache-2.0
//
// Usage: counts the requests, connections and dials that need an origin, and tells its owner within
// a second or so when there are none, so that it may be forgotten. One thread.
#pragma once

#include "io/reactor.hpp"

#include <chrono>
#include <cstddef>

namespace onehop::transport {

class Usage {
 public:
  // `unused` is called from a timer. It may destroy this object, or ask to be called again.
  using Callback = void (*)(void* owner);
  Usage(io::Reactor& reactor, Callback unused, void* owner) noexcept
      : reactor_(reactor), unused_(unused), owner_(owner), timer_(&Usage::on_timer, this) {
    call_again(reactor.now() + kForgetAfter);
  }
  Usage(const Usage&) = delete;
  Usage& operator=(const Usage&) = delete;

  // The origin is needed while one of these lives.
  class Hold {
   public:
    explicit Hold(Usage& usage) noexcept : usage_(usage) { ++usage_.count_; }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() {
      if (--usage_.count_ == 0) usage_.note_unused();
    }

   private:
    Usage& usage_;
  };

  void call_again(io::Time at) noexcept { reactor_.timers().arm(timer_, at); }

 private:
  static constexpr io::Duration kForgetAfter = std::chrono::seconds(1);

  // An armed timer is left as it is: one that comes early does no harm.
  void note_unused() noexcept {
    if (!timer_.is_armed()) call_again(reactor_.now() + kForgetAfter);
  }
  static void on_timer(void* self) {
    auto& usage = *static_cast<Usage*>(self);
    if (usage.count_ == 0) usage.unused_(usage.owner_);
  }

  io::Reactor& reactor_;
  Callback unused_;
  void* owner_;
  io::Timer timer_;
  std::size_t count_ = 0;
};

}  // namespace onehop::transport
