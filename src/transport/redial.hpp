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
  // `h`: how long it waits while the upstream refuses.
  WaitingRequest(io::Reactor& reactor, io::Time b, io::Duration h) noexcept
      : changed(reactor), began(b), hold(h) {}
  WaitingRequest(const WaitingRequest&) = delete;
  WaitingRequest& operator=(const WaitingRequest&) = delete;
  // Leaves the line.
  virtual void leave() noexcept { unlink(); }

  io::Event changed;  // it has a connection or an error, or has to look
  const io::Time began;
  const io::Duration hold;
  std::optional<Error> error;          // of a dial
  io::Time queued_until = io::kNever;  // set by Redial once it has waited for a slot alone

 protected:
  ~WaitingRequest() = default;
};

class Redial {
 public:
  static constexpr io::Duration kEvery = std::chrono::milliseconds(100);

  // The origin.
  class Owner {
   public:
    // False if a live connection will have room for `request`: no dial that fails concerns it.
    virtual bool needs_dial(const WaitingRequest& request) const noexcept = 0;
    // Begins a dial for requests in line that need one, or returns false. Called from a timer.
    virtual bool redial() = 0;

   protected:
    ~Owner() = default;
  };

  // All outlive it.
  Redial(Owner& owner,
         io::Reactor& reactor,
         const Transport::Options& options,
         IntrusiveList<WaitingRequest>& line) noexcept
      : owner_(owner),
        reactor_(reactor),
        options_(options),
        line_(line),
        timer_(io::call<&Redial::on_timer>(this)) {}

  // Waits until `request` has changed. Errors: those of a request that has waited for too long.
  // `is_dialled_for`: the wait is for the end of a dial, not for a slot.
  task<Result<void>> wait(WaitingRequest& request, bool is_dialled_for);

  // Some requests may wait on after a dial has failed with `error`.
  bool may_be_waited_out(const Error& error) const noexcept;
  // A dial for all requests in line that need one has failed: those that may not wait on fail with
  // `error`.
  void dial_failed(Error error) noexcept;
  // A dial has succeeded, or no request needs one any more.
  void end() noexcept {
    reason_.reset();
    timer_.disarm();
  }
  // While it is, only its own dials may begin.
  bool is_active() const noexcept { return reason_.has_value(); }

  // Takes `request` out of the line, with `error`.
  static void fail(WaitingRequest& request, const Error& error) noexcept;

 private:
  // How long a request waits after a dial has failed with `error`: `hold` after a refusal,
  // queue_timeout without a descriptor. std::nullopt for any other error, which is final.
  std::optional<io::Duration> patience(const Error& error, io::Duration hold) const noexcept;
  bool waits_on(const Error& error, const WaitingRequest& request) const noexcept;
  io::Time deadline_for(WaitingRequest& request, bool is_dialled_for) const noexcept;
  // It is active, and `request` needs the connection that it tries to make.
  bool is_for(const WaitingRequest& request) const noexcept {
    return is_active() && owner_.needs_dial(request);
  }
  // Returns true if others wait on for a dial.
  bool fail_those_out_of_patience() noexcept;
  void on_timer();
  void arm() noexcept;

  Owner& owner_;
  io::Reactor& reactor_;
  const Transport::Options& options_;
  IntrusiveList<WaitingRequest>& line_;
  std::optional<Error> reason_;  // why the last dial has failed, while active
  io::Timer timer_;
};

}  // namespace onehop::transport
