// SPDX-License-Identifier: Apache-2.0
#include "transport/upload.hpp"

#include "base/check.hpp"
#include "http/field_names.hpp"
#include "transport/replayed_body.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {
namespace {

using State = Upload::State;

[[maybe_unused]] constexpr bool may_follow(State from, State to) noexcept {
  switch (to) {
    case State::none:
      return false;
    case State::awaiting_continue:
      return from == State::none;
    case State::sending:
      return from == State::none || from == State::awaiting_continue;
    case State::unwanted:
      return from != State::sent && from != State::failed;
    case State::sent:
    case State::failed:
      return from == State::sending;
  }
  return false;
}

}  // namespace

void Upload::move_to(State next) noexcept {
  ONEHOP_DCHECK(may_follow(state_, next));
  state_ = next;
}

void Upload::take(Request& request, HeldString* copy) {
  ONEHOP_DCHECK(is(State::none) && !has_content());
  body_ = std::move(request.body());
  progress_.copy = copy;
  progress_.copy_limit = options_.replay_body;
}

void Upload::await_continue(const Request& request) noexcept {
  const bool waits = has_content() && request.headers().has(field::expect) &&
                     options_.expect_continue_timeout > io::Duration::zero();
  if (waits) move_to(State::awaiting_continue);
}

void Upload::end(const Result<void>& sent, io::Time now) {
  progress_.last = now;
  if (sent) {
    move_to(State::sent);
    return let_go();
  }
  // After a response the rest is not read, and the client's connection waits until the body is
  // dropped.
  if (owner_.is_answered()) drop_body();
  if (owner_.is_left_to_response(sent.error())) return move_to(State::unwanted);
  failure_ = sent.error();
  if (failure_->phase() == Phase::none) failure_->during(Phase::send);
  move_to(State::failed);
  owner_.on_upload_failed();
}

// Called if send_rest() throws: there was no memory for the reason of a failure.
void Upload::on_exception() noexcept {
  failure_ = Error(Errc::handler_failed, Side::local);
  move_to(State::failed);
  owner_.on_upload_failed();
}

void Upload::stop() noexcept {
  cancel();
  if (is(State::sending)) move_to(State::unwanted);
}

void Upload::give_up() noexcept {
  cancel();
  move_to(State::unwanted);
}

void Upload::drop() noexcept {
  give_up();
  drop_body();
}

io::Time Upload::response_deadline(io::Time now) const noexcept {
  const io::Time since = is_on_its_way() ? now : std::max(began_, progress_.last);
  return io::deadline_after(since, options_.response_timeout);
}

io::Time Upload::wait_deadline(io::Time now) const noexcept {
  const io::Time deadline = response_deadline(now);
  if (!is(State::awaiting_continue)) return deadline;
  return std::min(deadline, io::deadline_after(began_, options_.expect_continue_timeout));
}

std::optional<Body> Upload::take_back(HeldString copy) {
  cancel();
  if (is(State::failed)) return std::nullopt;  // a body that has failed has no rest
  return transport::take_back(progress_, std::move(copy), std::move(body_), is(State::sent));
}

}  // namespace onehop::transport
