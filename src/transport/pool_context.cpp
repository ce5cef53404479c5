// SPDX-License-Identifier: Apache-2.0
#include "transport/pool_context.hpp"

#include "base/check.hpp"

#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kSweepEvery = std::chrono::milliseconds(250);
constexpr std::uint64_t kRequestsReportedAtOnce = 32;
// The maximum number of connections kept between two messages of a handshake if pool_size is 0.
constexpr std::size_t kMaxHandshakes = 64;

h1::Limits head_limits_of(const Transport::Options& options) {
  h1::Limits limits;
  limits.max_header_bytes = h1::bounded(options.max_response_header_bytes);
  limits.max_header_fields = options.max_response_header_fields;
  return limits;
}

}  // namespace

PoolContext::PoolContext(Owner& owner,
                         SharedPools::Member& member,
                         std::shared_ptr<SharedPools> shared,
                         std::unique_ptr<net::Dialer> dialer)
    : owner_(owner),
      member_(member),
      shared_(std::move(shared)),
      dialer_(std::move(dialer)),
      limits_(head_limits_of(shared_->options)),
      parsers_(h1::HeadKind::response, limits_),
      sweep_(io::call<&PoolContext::on_sweep>(this)) {}

void PoolContext::end_users() noexcept {
  while (PoolUser* user = users_.pop_front())
    user->pool_ended();
}

void PoolContext::count_reserved_gone(std::size_t count) noexcept {
  ONEHOP_DCHECK(count <= reserved_idle_);
  reserved_idle_ -= count;
}

ConnectionLifetime PoolContext::new_lifetime() const noexcept {
  return ConnectionLifetime(options(), reactor().now(), counters().dialled.value());
}

void PoolContext::count_request() noexcept {
  if (++unreported_requests_ < kRequestsReportedAtOnce) return;
  shared_->budget.count_requests(std::exchange(unreported_requests_, 0), reactor().now());
}

bool PoolContext::try_retry() noexcept {
  shared_->budget.count_requests(std::exchange(unreported_requests_, 0), reactor().now());
  return shared_->budget.try_retry(reactor().now());
}

void PoolContext::enforce_size() {
  ONEHOP_DCHECK(is_on_its_worker());
  if (has_idle_beyond(max_idle())) close_one_idle();
}

bool PoolContext::is_full() const {
  return has_idle_beyond(max_idle() - 1);
}

std::size_t PoolContext::max_idle() const noexcept {
  return options().pool_size > 0 ? options().pool_size : kMaxHandshakes;
}

// If there are more than `max`, some worker has more than its share. A worker with no more than its
// share therefore need not read the counters of the others.
bool PoolContext::has_idle_beyond(std::size_t max) const {
  return counters().idle.value() * shared_->workers() > max && shared_->idle() > max;
}

void PoolContext::arm_sweep() {
  if (!sweep_.is_armed()) reactor().timers().arm(sweep_, reactor().now() + kSweepEvery);
}

void PoolContext::on_sweep() {
  if (owner_.sweep()) arm_sweep();
}

}  // namespace onehop::transport
