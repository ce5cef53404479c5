// SPDX-License-Identifier: Apache-2.0
//
// OriginUse counts the requests, connections and dials that need an origin. It calls its owner when
// there have been none for 1 s, so that the origin can be forgotten. Thread: owner.
#pragma once

#include "io/reactor.hpp"

#include <chrono>
#include <cstddef>

namespace onehop::transport {

class OriginUse {
 public:
  // `unused` is called from a timer. It may destroy this object or call call_again().
  OriginUse(io::Reactor& reactor, io::Callback unused) noexcept
      : reactor_(reactor), unused_(unused), timer_(io::call<&OriginUse::on_timer>(this)) {
    call_again(reactor.now() + kForgetAfter);
  }
  OriginUse(const OriginUse&) = delete;
  OriginUse& operator=(const OriginUse&) = delete;

  // The origin is in use while a Ref exists.
  class Ref {
   public:
    explicit Ref(OriginUse& use) noexcept : use_(use) { ++use_.count_; }
    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;
    ~Ref() {
      if (--use_.count_ == 0) use_.on_unused();
    }

   private:
    OriginUse& use_;
  };

  void call_again(io::Time at) noexcept { reactor_.timers().arm(timer_, at); }

 private:
  static constexpr io::Duration kForgetAfter = std::chrono::seconds(1);

  // An armed timer is left as it is: a call that comes too early does no harm.
  void on_unused() noexcept {
    if (!timer_.is_armed()) call_again(reactor_.now() + kForgetAfter);
  }
  void on_timer() {
    if (count_ == 0) unused_();
  }

  io::Reactor& reactor_;
  io::Callback unused_;
  io::Timer timer_;
  std::size_t count_ = 0;
};

}  // namespace onehop::transport
