// SPDX-License-Identifier: Apache-2.0
//
// Upload: the content of a request on its way to the upstream, beside the response. One for each
// exchange, over either version of HTTP; the exchange brings the sender. Thread: owner.
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
    none,               // there is nothing to send, or sending has not begun
    awaiting_continue,  // it is held back for a 100 (Continue)
    sending,
    sent,      // the upstream has all of it
    unwanted,  // the upstream did not take all of it: its response counts, if there is one
    failed,    // it cannot be sent, for the reason failure()
  };

  // The exchange, as its upload sees it.
  class Owner {
   public:
    // True if a response has begun: what is left of the content is not needed.
    virtual bool is_answered() const noexcept = 0;
    // True if all that was sent has left the exchange, which is not needed for it any more.
    virtual bool has_left() const noexcept = 0;
    // True if `error` of sending leaves it to the response to say what has happened.
    virtual bool is_left_to_response(const Error& error) const noexcept = 0;
    // The upload is in State::failed. Resumes the coroutine that waits for the response.
    virtual void on_upload_failed() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` and `options` outlive it.
  Upload(Owner& owner, const Transport::Options& options, io::Time now) noexcept
      : owner_(owner), options_(options), began_(now) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // Takes the content of `request`; once, before all else. While `copy` is not null, what is sent
  // is appended to it, up to replay_body bytes.
  void take(Request& request, HeldString* copy);
  // Holds the content back, if there is any, `request` expects a 100, and options allow a wait.
  void await_continue(const Request& request) noexcept;
  // Sends the content: try_send(body, progress) begins, and returns a result or std::nullopt, after
  // which sender.send_rest() is awaited. `sender` outlives the upload.
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
  // Nothing more can be sent: the upstream does not want it, or its connection is gone.
  void stop() noexcept;
  // The upstream does not take the content, which stays for take_back().
  void give_up() noexcept;
  // The same, and the content is not needed any more.
  void drop() noexcept;
  void drop_body() noexcept { body_ = Body(); }
  // Cancels sending; the state stays.
  void cancel() noexcept { sending_ = {}; }

  State state() const noexcept { return state_; }
  bool is(State state) const noexcept { return state_ == state; }
  // All of the content, if there is any, is with the upstream.
  bool is_whole() const noexcept { return is(State::none) || is(State::sent); }
  bool has_content() const noexcept { return MessageAccess::source(body_) != nullptr; }
  std::optional<std::uint64_t> length() const { return body_.length(); }
  const std::optional<Error>& failure_of_source() const noexcept { return failure_; }

  // When the wait for the response head ends: response_timeout after the request was last heard of,
  // or earlier if the content is held back. An upload that waits for its own source counts as heard
  // of: the source, which for the request of a client has body_timeout, limits that wait.
  io::Time response_deadline(io::Time now, bool waits_for_source) const noexcept;
  io::Time wait_deadline(io::Time now, bool waits_for_source) const noexcept;
  // True if content was sent less than `timeout` ago and more is to come.
  bool was_active(io::Time now, io::Duration timeout) const noexcept {
    return is(State::sending) && io::deadline_after(progress_.last, timeout) > now;
  }

  // The final response is here: there will be no retry, and the copy is the caller's.
  void on_response() noexcept {
    progress_.copy = nullptr;
    let_go();
  }
  // Content is on its way to the upstream.
  bool is_on_its_way() const noexcept {
    return is(State::sending) || (is(State::sent) && !owner_.has_left());
  }
  // After a response, drops the body unless it is on its way: its server waits for that.
  void let_go() noexcept {
    if (owner_.is_answered() && !is_on_its_way()) drop_body();
  }
  // After a failure: the content as it was, from `copy` and what was not sent of it. std::nullopt
  // if it is not available any more.
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
