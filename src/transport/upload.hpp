// SPDX-License-Identifier: Apache-2.0
//
// Upload sends the content of a request to the upstream while the response is read. Each exchange
// has one, over either version of HTTP, and provides the sender. Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/transport.hpp>

#include "base/exception_text.hpp"
#include "base/poll.hpp"
#include "base/root_task.hpp"
#include "http/message_access.hpp"
#include "io/reactor.hpp"
#include "wire/body_progress.hpp"

#include <cstdint>
#include <optional>

namespace onehop::transport {

class Upload {
 public:
  enum class State : std::uint8_t {
    none,               // there is no content, or sending has not begun
    awaiting_continue,  // the content is held back for a 100 (Continue)
    sending,
    sent,      // the upstream has all of the content
    unwanted,  // the upstream did not take all of it; the response, if any, decides
    failed,    // it cannot be sent; see failure_of_source()
  };

  // The exchange that owns the upload.
  class Owner {
   public:
    // Reports whether a response has begun, so that the rest of the content is not needed.
    virtual bool is_answered() const noexcept = 0;
    // Reports whether all bytes that were sent have left the exchange, so that sending does not
    // need it any more.
    virtual bool has_left() const noexcept = 0;
    // Reports whether, after sending failed with `error`, the response decides the outcome.
    virtual bool is_left_to_response(const Error& error) const noexcept = 0;
    // Called in State::failed. Resumes the coroutine that waits for the response.
    virtual void on_upload_failed() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` and `options` outlive it.
  Upload(Owner& owner, const Transport::Options& options, io::Time now) noexcept
      : owner_(owner), options_(options), began_(now) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // Takes the content of `request`. Must be called once, before all other functions. While `copy`
  // is not null, bytes that are sent are appended to it, up to replay_body bytes.
  void take(Request& request, HeldString* copy);
  // Holds the content back if there is any, `request` expects a 100, and the options allow a wait.
  void await_continue(const Request& request) noexcept;
  // Sends the content. try_send(body, progress) begins, and returns a result, or std::nullopt if
  // sender.send_rest() must be awaited. `sender` outlives the upload.
  template <class Sender, class TrySend>
  void begin(Sender& sender, io::Reactor& reactor, TrySend try_send) {
    move_to(State::sending);
    try {
      const Poll<void> sent = try_send(body_, progress_);
      if (sent) return end(*sent, reactor.now());
    } catch (...) {  // a body source of the caller
      const Result<void> failed = failure(Errc::handler_failed, Side::local, exception_text());
      return end(failed, reactor.now());
    }
    sending_ = send_rest(sender, reactor);
    sending_.start();
  }
  // Stops sending: the upstream does not want the rest, or its connection is gone.
  void stop() noexcept;
  // Stops because the upstream does not take the content, which is kept for take_back().
  void give_up() noexcept;
  // Does the same as give_up() and drops the content.
  void drop() noexcept;
  void drop_body() noexcept { body_ = Body(); }
  // Cancels sending without changing the state.
  void cancel() noexcept { sending_ = {}; }

  State state() const noexcept { return state_; }
  bool is(State state) const noexcept { return state_ == state; }
  // Reports whether the upstream has all of the content, if there is any.
  bool is_whole() const noexcept { return is(State::none) || is(State::sent); }
  bool has_content() const noexcept { return MessageAccess::source(body_) != nullptr; }
  std::optional<std::uint64_t> length() const { return body_.length(); }
  const std::optional<Error>& failure_of_source() const noexcept { return failure_; }

  // Returns when the wait for the response head ends. wait_deadline() is earlier while the content
  // is held back. response_deadline() is response_timeout after the last byte of the request has
  // left, and response_timeout after `now` before that: then the sender limits the wait for the
  // upstream, and the source its own, as body_timeout does for a client's request.
  io::Time response_deadline(io::Time now) const noexcept;
  io::Time wait_deadline(io::Time now) const noexcept;
  // Called when the content, which was sent, has left the exchange.
  void on_left(io::Time now) noexcept {
    if (is(State::sent)) progress_.last = now;
  }
  // Returns when content was last passed on.
  io::Time last_progress() const noexcept { return progress_.last; }
  // Reports whether content was sent less than `timeout` ago and more is to come.
  bool was_active(io::Time now, io::Duration timeout) const noexcept {
    return is(State::sending) && io::deadline_after(progress_.last, timeout) > now;
  }

  // Called with the final response: there will be no retry, and the caller may use the copy.
  void on_response() noexcept {
    progress_.copy = nullptr;
    let_go();
  }
  // Reports whether content is on its way to the upstream.
  bool is_on_its_way() const noexcept {
    return is(State::sending) || (is(State::sent) && !owner_.has_left());
  }
  // After a response, drops the body unless it is on its way; the server waits until the body is
  // dropped.
  void let_go() noexcept {
    if (owner_.is_answered() && !is_on_its_way()) drop_body();
  }
  // After a failure: returns the original content, from `copy` and the unsent rest. std::nullopt if
  // it cannot be restored.
  std::optional<Body> take_back(HeldString copy);

 private:
  friend class RootTask<Upload>;
  template <class Sender>
  RootTask<Upload> send_rest(Sender& sender, io::Reactor& reactor) {
    Result<void> sent;
    try {
      sent = co_await sender.send_rest();
    } catch (...) {
      sent = failure(Errc::handler_failed, Side::local, exception_text());
    }
    end(sent, reactor.now());
  }
  void on_exception() noexcept;
  void end(const Result<void>& sent, io::Time now);
  void move_to(State next) noexcept;

  Owner& owner_;
  const Transport::Options& options_;
  const io::Time began_;
  State state_ = State::none;
  Body body_;
  wire::BodyProgress progress_;
  std::optional<Error> failure_;
  RootTask<Upload> sending_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::transport
