// SPDX-License-Identifier: Apache-2.0
//
// The dials of an Origin, and what it learns from their results.
#include "base/check.hpp"
#include "transport/origin.hpp"

#include <new>
#include <utility>

namespace onehop::transport {
namespace {

// How long an upstream that chose or required HTTP/1.1 is not offered HTTP/2.
constexpr net::Duration kForgetHttp1 = std::chrono::minutes(5);
// The minimum time between two HTTP/2 connections if the first carried no request.
constexpr net::Duration kBackOff = std::chrono::milliseconds(100);

}  // namespace

void Origin::dial_for_waiters() {
  dial_http1_for_waiters();
  if (line_.waiting(Protocol::http2) > 0 && http2_.room() == 0) dial_http2();
}

// Dials once for each waiting request. The first dial to fail begins redialling; while that is
// active, only redial() dials, one dial at a time.
void Origin::dial_http1_for_waiters() {
  while (!redial_.is_active() && lacks_dials() && begin_dial(Protocol::http1)) {
  }
}

// Begins one dial for all waiting requests, unless one is in progress. Returns false if there is no
// slot or no memory for it.
bool Origin::dial_http2() {
  if (is_dialling_http2_ || http2_.allows_none()) return true;
  if (redial_.is_active()) {  // it does not end for a request that waits for a full connection
    pool_.reactor().timers().arm(dial_again_, pool_.reactor().now() + kBackOff);
    return true;
  }
  if (pool_.reactor().now() < no_dial_before_) {
    pool_.reactor().timers().arm(dial_again_, no_dial_before_);
    return true;
  }
  return begin_dial(Protocol::http2);
}

// Over HTTP/2, a request waits for a connection that takes requests even while it is full.
bool Origin::needs_dial(const WaitingRequest& request) const noexcept {
  const Protocol over = static_cast<const Waiter&>(request).protocol;
  return over == Protocol::http1 || !http2_.takes_requests();
}

bool Origin::redial() {
  ONEHOP_DCHECK(!line_.requests().empty());
  if (dialling_http1_ > 0 || is_dialling_http2_) return false;
  const auto& first = static_cast<const Waiter&>(line_.requests().front());
  return begin_dial(needs_dial(first) ? first.protocol : Protocol::http1);
}

bool Origin::begin_dial(Protocol over) {
  std::optional<Slot> slot = pool_.shared().try_slot(shared_);
  if (!slot) return false;
  try {
    dials_.spawn(dial(std::make_unique<Slot>(std::move(*slot)), over));
  } catch (const std::bad_alloc&) {
    // The slot is free again, which wakes all waiting requests: the next attempt must differ from
    // this one.
    Waiter* const first = over == Protocol::http1 ? line_.first(over) : nullptr;
    if (over == Protocol::http2) back_off();
    if (first) Redial::fail(*first, Error(Errc::overloaded, Side::local));
    return false;
  }
  return true;
}

task<void> Origin::dial(std::unique_ptr<Slot> slot, Protocol over) {
  const OriginUse::Ref ref(use_);
  const bool over_http2 = over == Protocol::http2;
  ONEHOP_DCHECK(!over_http2 || !is_dialling_http2_);
  if (over_http2) {
    is_dialling_http2_ = true;
  } else {
    ++dialling_http1_;
  }
  Result<std::unique_ptr<H1Connection>> made = failure(Errc::overloaded, Side::local);
  const net::Time began = pool_.reactor().now();
  try {
    const net::Destination& destination = over_http2 ? destination_ : http1_destination_;
    auto dialled = co_await pool_.dialer().dial(destination);
    made = take_dialled(*slot, std::move(dialled), over, began);
  } catch (const std::bad_alloc&) {  // `made` reports this to the waiting requests
  }
  if (over_http2) {
    is_dialling_http2_ = false;
  } else {
    --dialling_http1_;
  }
  if (!made) {
    slot.reset();
    on_dial_failed(over, std::move(made.error()));
    co_return;
  }
  const bool was_active = redial_.is_active();
  redial_.end();
  if (*made) keep_dialled(std::move(*made), over);
  if (over_http2) line_.wake_all_http2();
  if (was_active) dial_for_waiters();
}

// Returns the connection, or null if it speaks HTTP/2 and was added to http2_.
Result<std::unique_ptr<H1Connection>> Origin::take_dialled(Slot& slot,
                                                           Result<net::Dialled> dialled,
                                                           Protocol over,
                                                           net::Time began) {
  count_dial(dialled);
  if (!dialled) return failure(std::move(dialled.error()));
  const net::Duration dial_time = pool_.reactor().now() - began;
  const TlsInfo* const tls = dialled->stream->tls();
  const bool chose_http1 = over == Protocol::http2 && tls && tls->protocol != "h2";
  if (chose_http1) http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
  if (over == Protocol::http1 || chose_http1) {
    auto made = std::make_unique<H1Connection>(*this, std::move(slot), std::move(dialled->stream),
                                               dialled->address);
    made->set_dial_time(dial_time);
    return made;
  }
  auto made = std::make_unique<H2Connection>(*this, std::move(slot), std::move(dialled->stream),
                                             dialled->address);
  made->set_dial_time(dial_time);
  http2_.add(std::move(made));
  return std::unique_ptr<H1Connection>();
}

// Counts the dial. Only failures of the peer count for the upstream.
void Origin::count_dial(const Result<net::Dialled>& dialled) const {
  Counters& counters = pool_.counters();
  const net::Time now = pool_.reactor().now();
  if (!dialled) {
    const Error& error = dialled.error();
    counters.dials_failed.add(1);
    if (error.phase() == Phase::tls)
      (error.is_timeout() ? counters.tls_timed_out : counters.tls_failed).add(1);
    if (error.side() == Side::upstream) counts_->record_dial(false, now);
    return;
  }
  counters.dialled.add(1);
  counts_->record_attempt(dialled->address, true, now);
  counts_->record_dial(true, now);
  const TlsInfo* const tls = dialled->stream->tls();
  if (tls == nullptr) return;
  counters.tls_durations.add(dialled->handshake_time);
  if (tls->version == "TLSv1.2") {
    (tls->resumed ? counters.tls1_2_resumed : counters.tls1_2_full).add(1);
  } else {
    (tls->resumed ? counters.tls1_3_resumed : counters.tls1_3_full).add(1);
  }
}

void Origin::on_attempt_failed(std::string_view address, const Error& error) noexcept {
  if (error.side() != Side::upstream) return;
  try {
    counts_->record_attempt(address, false, pool_.reactor().now());
  } catch (const std::bad_alloc&) {  // the attempt is not counted
  }
}

void Origin::keep_dialled(std::unique_ptr<H1Connection> connection, Protocol over) noexcept {
  try {
    if (over == Protocol::http1 || line_.waiting(Protocol::http1) > 0) {
      return deliver(std::move(connection));
    }
    // The upstream was offered HTTP/2 and chose HTTP/1.1: the connection is for the first request
    // that wanted HTTP/2.
    Waiter* const first = line_.first(over);
    if (!first) return deliver(std::move(connection));
    hand_over(*first, std::move(connection));
  } catch (const std::bad_alloc&) {  // the connection is closed; no request waits for it
  }
}

void Origin::on_dial_failed(Protocol over, Error error) {
  const bool over_http2 = over == Protocol::http2;
  if (over_http2 && http2_.takes_requests()) {  // they are full, but not forever
    back_off();
    line_.wake_all_http2();
    if (!redial_.is_active()) return;
    if (redial_.may_be_waited_out(error)) return redial_.dial_failed(std::move(error));
    redial_.end();
    return dial_http1_for_waiters();
  }
  if (is_short_of_descriptors(error)) pool_.close_one_idle();
  const Protocol other = over_http2 ? Protocol::http1 : Protocol::http2;
  if (!redial_.may_be_waited_out(error) && line_.waiting(other) > 0) {
    return fail_requests_over(over, error);
  }
  if (over_http2 || redial_.is_active() || redial_.may_be_waited_out(error)) {
    return redial_.dial_failed(std::move(error));
  }
  if (!lacks_dials()) return;  // its request was given another connection
  if (Waiter* const first = line_.first(over)) Redial::fail(*first, error);
}

// A final error of one version does not concern the other, whose requests keep waiting.
void Origin::fail_requests_over(Protocol over, const Error& error) {
  const bool was_active = redial_.is_active();
  if (over == Protocol::http2 || was_active) {
    while (Waiter* const each = line_.first(over))
      Redial::fail(*each, error);
  } else if (lacks_dials()) {
    if (Waiter* const first = line_.first(over)) Redial::fail(*first, error);
  }
  if (!was_active) return;
  redial_.end();
  dial_for_waiters();
}

void Origin::use_http1() {
  if (!destination_.tls) return;  // h2c has no fallback to HTTP/1
  http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
  look_again_soon();
}

void Origin::back_off() noexcept {
  no_dial_before_ = pool_.reactor().now() + kBackOff;
}

}  // namespace onehop::transport
