// SPDX-License-Identifier: Apache-2.0
//
// Redial: while an upstream refuses, or no descriptor is free, the requests for an origin wait, and
// one dial at a time tries again for all of them. One origin, one thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/transport.hpp>

#include "io/reactor.hpp"

#include <optional>

namespace onehop::transport {

// The upstream does not listen, or cannot be reached.
bool is_refusal(const Error& error);
// No descriptor is left for another connection.
bool is_short_of_descriptors(const Error& error);

// Until when a request that began then waits after a dial has failed so: as long as
// Transport::Options::hold says for a refusal, queue_timeout for a descriptor. In the past for any
// other error, which is final.
io::Time waits_until(const Error& error, const Transport::Options& options, io::Time began);

// What a request hears that has waited in vain.
Error final_error(const Error& error);

class Redial {
 public:
  static constexpr io::Duration kEvery = std::chrono::milliseconds(100);

  // `try_again` is called from a timer once for each begin().
  Redial(io::Reactor& reactor, void (*try_again)(void* owner), void* owner) noexcept
      : reactor_(reactor), timer_(try_again, owner) {}

  // Some requests wait on after `error`.
  void begin(const Error& error) {
    reason_ = error;
    if (!timer_.is_armed()) reactor_.timers().arm(timer_, reactor_.now() + kEvery);
  }
  // A dial has succeeded, or nobody waits any more.
  void end() noexcept {
    reason_.reset();
    timer_.disarm();
  }
  bool is_active() const noexcept { return reason_.has_value(); }
  // Why the last dial has failed, while active.
  const Error& reason() const noexcept { return *reason_; }

 private:
  io::Reactor& reactor_;
  std::optional<Error> reason_;
  io::Timer timer_;
};

}  // namespace onehop::transport
