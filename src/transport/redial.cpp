// SPDX-License-Identifier: Apache-2.0
#include "transport/redial.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace onehop::transport {
namespace {

// Reports whether an upstream with TLS refuses by ending the handshake: it accepts connections
// before it is ready.
bool is_end_of_handshake(const Error& error) {
  return !error.is_timeout() && error.phase() == Phase::tls && error.side() == Side::upstream &&
         (error.is(Errc::closed) || error.code().category() == std::system_category());
}

// Returns the error of a request that has waited too long. The upstream is not to blame if no
// descriptor was free.
Error final_error(const Error& error) {
  if (!is_short_of_descriptors(error)) return error;
  Error error_of_wait(error.code(), Side::local);  // even if the program's dialer says otherwise
  if (!error.detail().empty()) error_of_wait.with(error.detail());
  return error_of_wait.during(Phase::queue).retry_safe(true);
}

}  // namespace

bool is_short_of_descriptors(const Error& error) {
  if (error.code().category() != std::system_category()) return false;
  return error.code().value() == EMFILE || error.code().value() == ENFILE;
}

bool is_refusal(const Error& error) {
  return !error.is_timeout() && error.phase() == Phase::connect &&
         error.code().category() == std::system_category() && !is_short_of_descriptors(error);
}

// --- one request -------------------------------------------------------------------------------

task<Result<void>> Redial::wait(WaitingRequest& request, bool is_dialled_for) {
  io::Time deadline = deadline_for(request, is_dialled_for);
  bool changed = co_await request.changed.wait(deadline);
  // The request waited for a slot, and the upstream has begun to refuse meanwhile.
  while (!changed && is_for(request) && waits_on(*reason_, request)) {
    deadline = deadline_for(request, false);
    changed = co_await request.changed.wait(deadline);
  }
  if (changed) co_return Result<void>();
  if (is_for(request)) co_return failure(final_error(*reason_));
  Error error(Errc::no_connection_slot, Side::upstream);
  co_return failure(error.during(Phase::queue).retry_safe(true));
}

// Never unlimited, whatever happens to the dials: another request may use the connection that a
// dial yields, and the next dial may find no slot.
io::Time Redial::deadline_for(WaitingRequest& request, bool is_dialled_for) const noexcept {
  const io::Time queued = io::deadline_after(reactor_.now(), options_.queue_timeout);
  if (!is_dialled_for && !is_for(request)) {
    request.queued_until = std::min(request.queued_until, queued);
    return request.queued_until;
  }
  const io::Time held = std::max(queued, io::deadline_after(request.began, request.hold));
  // 100 ms more than the last dial may take, so that its result is known.
  return io::deadline_after(io::deadline_after(held, options_.connect_timeout), kEvery);
}

void Redial::fail(WaitingRequest& request, const Error& error) noexcept {
  request.leave();
  try {
    request.error = final_error(error);
  } catch (const std::bad_alloc&) {
    request.error = Error(Errc::overloaded, Side::local);
  }
  request.changed.set();
}

// --- all that are in line ----------------------------------------------------------------------

std::optional<io::Duration> Redial::patience(const Error& error, io::Duration hold) const noexcept {
  if (is_short_of_descriptors(error)) return options_.queue_timeout;
  if (is_refusal(error) || is_end_of_handshake(error)) return hold;
  return std::nullopt;
}

bool Redial::waits_on(const Error& error, const WaitingRequest& request) const noexcept {
  const auto how_long = patience(error, request.hold);
  return how_long && io::deadline_after(request.began, *how_long) > reactor_.now();
}

bool Redial::may_be_waited_out(const Error& error) const noexcept {
  return patience(error, options_.hold).value_or(io::Duration::zero()) > io::Duration::zero();
}

void Redial::dial_failed(Error error) noexcept {
  reason_ = std::move(error);
  fail_those_out_of_patience() ? arm() : end();
}

bool Redial::fail_those_out_of_patience() noexcept {
  bool others_wait = false;
  IntrusiveList<WaitingRequest> all;
  all.splice_back(line_);
  while (!all.empty()) {
    WaitingRequest& request = all.front();
    line_.push_back(request);
    if (!owner_.needs_dial(request)) continue;
    if (waits_on(*reason_, request)) {
      others_wait = true;
    } else {
      fail(request, *reason_);
    }
  }
  return others_wait;
}

void Redial::on_timer() {
  if (!fail_those_out_of_patience()) return end();
  if (!owner_.redial()) arm();  // else the result of that dial decides
}

void Redial::arm() noexcept {
  if (!timer_.is_armed()) reactor_.timers().arm(timer_, reactor_.now() + kEvery);
}

}  // namespace onehop::transport
