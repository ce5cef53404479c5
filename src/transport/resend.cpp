// SPDX-License-Identifier: Apache-2.0
#include "transport/resend.hpp"

#include "http/field_names.hpp"

#include <algorithm>

namespace onehop::transport {
namespace {

// The maximum number of attempts of one request that may have cost the upstream work.
constexpr int kMaxReached = 3;
// The maximum number of attempts that cost the upstream nothing. A backend that sends a GOAWAY
// after each response passes over all other requests that were sent with it, again and again.
constexpr int kMaxNeverReached = 16;

// The pause between two attempts of a request that is held.
constexpr net::Duration kFirstPause = std::chrono::milliseconds(100);
constexpr net::Duration kLongestPause = std::chrono::seconds(1);

bool is_never_reached(Delivery delivery) noexcept {
  return delivery == Delivery::unsent || delivery == Delivery::passed_over;
}

}  // namespace

bool is_repeatable(const Request& request) {
  const Headers& headers = request.headers();
  // The key means that a repetition is harmless although the method is not idempotent. Its draft is
  // widely used.
  return request.method().is_idempotent() || headers.has(field::idempotency_key) ||
         headers.has(field::x_idempotency_key);
}

Resend::Resend(PoolContext& pool, Request& request)
    : pool_(pool),
      request_(request),
      began_(pool.reactor().now()),
      repeatable_(transport::is_repeatable(request)),
      had_no_content_(request.body().is_empty()) {}

// Reports whether the request is still within `hold`. A restarting upstream accepts some
// connections and then resets them, which counts as a refusal.
bool Resend::is_held() const noexcept {
  return pool_.reactor().now() < io::deadline_after(began_, pool_.options().hold);
}

bool Resend::is_next_the_last() const noexcept {
  return reached_ + 2 >= kMaxReached;
}

bool Resend::is_allowed(Delivery delivery, const Error& error, Target target) const noexcept {
  // A body that failed is a failure of the client, and a timeout would only be repeated.
  if (error.side() != Side::upstream) return false;
  if (error.is_timeout() && target != Target::elsewhere) return false;
  switch (delivery) {
    case Delivery::unsent:
    case Delivery::passed_over:
      return error.retry_safe() && (never_reached_ + 1 < kMaxNeverReached || is_held());
    case Delivery::refused:
      return error.retry_safe() && reached_ + 1 < kMaxReached;
    case Delivery::uncertain:
      return repeatable_ &&
             ((target != Target::same_again && reached_ + 1 < kMaxReached) || is_held());
    case Delivery::answered:
      break;
  }
  return false;
}

// An attempt that never reached the upstream is not a load on it. Held attempts are a small load
// because of pause().
bool Resend::is_affordable(Delivery delivery) {
  return is_never_reached(delivery) || is_held() || pool_.try_retry();
}

// The content is not kept once there is a response.
bool Resend::repeats_answered() {
  if (!repeatable_ || !had_no_content_ || !pool_.try_retry()) return false;
  count(Delivery::answered, Target::elsewhere);
  return true;
}

void Resend::count(Delivery delivery, Target target) noexcept {
  ++(is_never_reached(delivery) ? never_reached_ : reached_);
  Counters& counters = pool_.counters();
  counters.retried.add(1);
  if (delivery == Delivery::unsent) {
    counters.retried_unsent.add(1);
  } else {
    (is_unprocessed(delivery) ? counters.retried_refused : counters.retried_uncertain).add(1);
  }
  // A working backend ends a connection with a GOAWAY, so the next connection is available at once.
  const bool is_next_available =
      target == Target::elsewhere ||
      (delivery == Delivery::passed_over && never_reached_ < kMaxNeverReached);
  if (is_next_available) {
    pause_ = {};
    return;
  }
  const bool is_first_stale_one =
      target == Target::new_connection && reached_ + never_reached_ == 1;
  if (is_first_stale_one || !is_held()) return;
  pause_ = std::min(std::max(2 * pause_, kFirstPause), kLongestPause);
}

}  // namespace onehop::transport
