// SPDX-License-Identifier: Apache-2.0
//
// Redial controls how requests wait for a connection to one origin, over either version of HTTP:
// until when, and which of them fail when a dial fails. While the upstream refuses connections, or
// no descriptor is free, it dials for all of them together, one dial at a time. One per origin.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>
#include <onehop/transport.hpp>

#include "base/intrusive_list.hpp"
#include "io/event.hpp"
#include "io/reactor.hpp"

#include <optional>

namespace onehop::transport {

// Reports whether the upstream refused the connection or is unreachable.
bool is_refusal(const Error& error);
// Reports whether no descriptor was left for another connection.
bool is_short_of_descriptors(const Error& error);

// A request without a connection. It lives in its coroutine, and is linked while it waits in line.
struct WaitingRequest : ListNode {
  // `h` is how long it waits while the upstream refuses.
  WaitingRequest(io::Reactor& reactor, io::Time b, io::Duration h) noexcept
      : changed(reactor), began(b), hold(h) {}
  WaitingRequest(const WaitingRequest&) = delete;
  WaitingRequest& operator=(const WaitingRequest&) = delete;
  // Leaves the line.
  virtual void leave() noexcept { unlink(); }

  io::Event changed;  // the request got a connection or an error, or should look again
  const io::Time began;
  const io::Duration hold;
  std::optional<Error> error;          // of a dial
  io::Time queued_until = io::kNever;  // set by Redial once it waits only for a slot

 protected:
  ~WaitingRequest() = default;
};

class Redial {
 public:
  static constexpr io::Duration kEvery = std::chrono::milliseconds(100);

  // The origin.
  class Owner {
   public:
    // Reports whether `request` needs a dial. It does not if a live connection will have room for
    // it, so a failed dial must not fail it.
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

  // Waits until `request` gets a connection or an error, or should look again. Fails if the request
  // has waited too long. `is_dialled_for` is true if it waits for the end of a dial, false if it
  // waits for a slot.
  task<Result<void>> wait(WaitingRequest& request, bool is_dialled_for);

  // Reports whether some requests may keep waiting after a dial has failed with `error`.
  bool may_be_waited_out(const Error& error) const noexcept;
  // Handles a failed dial for all requests in line that need one: those that may not keep waiting
  // fail with `error`.
  void dial_failed(Error error) noexcept;
  // Called if a dial has succeeded, or if no request needs one.
  void end() noexcept {
    reason_.reset();
    timer_.disarm();
  }
  // Reports whether it is redialling. If so, only redial() may begin a dial.
  bool is_active() const noexcept { return reason_.has_value(); }

  // Removes `request` from the line and fails it with `error`.
  static void fail(WaitingRequest& request, const Error& error) noexcept;

 private:
  // Returns how long a request waits after a dial has failed with `error`: `hold` after a refusal,
  // queue_timeout if there was no descriptor. std::nullopt for any other error, which is final.
  std::optional<io::Duration> patience(const Error& error, io::Duration hold) const noexcept;
  bool waits_on(const Error& error, const WaitingRequest& request) const noexcept;
  io::Time deadline_for(WaitingRequest& request, bool is_dialled_for) const noexcept;
  // Reports whether it is redialling for a connection that `request` needs.
  bool is_for(const WaitingRequest& request) const noexcept {
    return is_active() && owner_.needs_dial(request);
  }
  // Returns true if other requests keep waiting for a dial.
  bool fail_those_out_of_patience() noexcept;
  void on_timer();
  void arm() noexcept;

  Owner& owner_;
  io::Reactor& reactor_;
  const Transport::Options& options_;
  IntrusiveList<WaitingRequest>& line_;
  std::optional<Error> reason_;  // why the last dial failed, while active
  io::Timer timer_;
};

}  // namespace onehop::transport
