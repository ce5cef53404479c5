// SPDX-License-Identifier: Apache-2.0
//
// Redial: how requests wait for a connection to one origin, over either version of HTTP: until
// when, which of them a failed dial fails, and, while the upstream refuses or no descriptor is
// free, the one dial at a time that tries again for all of them. One for each origin. Thread:
// owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>
#include <onehop/transport.hpp>

#include "base/intrusive_list.hpp"
#include "io/event.hpp"
#include "io/reactor.hpp"

#include <optional>

namespace onehop::transport {

// The upstream does not listen, or is unreachable.
bool is_refusal(const Error& error);
// No descriptor is left for another connection.
bool is_short_of_descriptors(const Error& error);

// A request without a connection. Lives in its coroutine; linked while it waits in line.
struct WaitingRequest : ListNode {
  WaitingRequest(io::Reactor& reactor, io::Time b) noexcept : changed(reactor), began(b) {}
  WaitingRequest(const WaitingRequest&) = delete;
  WaitingRequest& operator=(const WaitingRequest&) = delete;
  // Leaves the line.
  virtual void leave() noexcept { unlink(); }

  io::Event changed;  // it has a connection or an error, or has to look
  const io::Time began;
  std::optional<Error> error;          // of a dial
  io::Time queued_until = io::kNever;  // set by Redial once it has waited for a slot alone

 protected:
  ~WaitingRequest() = default;
};

class Redial {
 public:
  static constexpr io::Duration kEvery = std::chrono::milliseconds(100);

  // `dial` begins a dial for the requests in `line`, or returns false. Called from a timer.
  using Dial = bool (*)(void* owner);
  Redial(io::Reactor& reactor,
         const Transport::Options& options,
         IntrusiveList<WaitingRequest>& line,
         Dial dial,
         void* owner) noexcept
      : reactor_(reactor),
        options_(options),
        line_(line),
        dial_(dial),
        owner_(owner),
        timer_([](void* self) { static_cast<Redial*>(self)->on_timer(); }, this) {}

  // Waits until `request` has changed. Errors: those of a request that has waited for too long.
  // `is_dialled_for`: the wait is for the end of a dial, not for a slot.
  task<Result<void>> wait(WaitingRequest& request, bool is_dialled_for);

  // Some requests may wait on after a dial has failed with `error`.
  bool may_be_waited_out(const Error& error) const noexcept;
  // A dial for all requests in line has failed: those that may not wait on fail with `error`.
  void dial_failed(Error error) noexcept;
  // A dial has succeeded, or no request waits any more.
  void end() noexcept {
    reason_.reset();
    timer_.disarm();
  }
  // While it is, only its own dials may begin.
  bool is_active() const noexcept { return reason_.has_value(); }

  // Takes `request` out of the line, with `error`.
  static void fail(WaitingRequest& request, const Error& error) noexcept;

 private:
  // Until when a request that began then waits after a dial has failed with `error`: hold after a
  // refusal, queue_timeout without a descriptor (Transport::Options). Time::min() for any other
  // error, which is final.
  io::Time waits_until(const Error& error, io::Time began) const noexcept;
  io::Time deadline_for(WaitingRequest& request, bool is_dialled_for) const noexcept;
  void fail_those_out_of_patience() noexcept;
  void on_timer();
  void arm() noexcept;

  io::Reactor& reactor_;
  const Transport::Options& options_;
  IntrusiveList<WaitingRequest>& line_;
  Dial dial_;
  void* owner_;
  std::optional<Error> reason_;  // why the last dial has failed, while active
  io::Timer timer_;
};

}  // namespace onehop::transport
