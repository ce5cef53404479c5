// SPDX-License-Identifier: Apache-2.0
#include "upstream/endpoint.hpp"

#include "base/ascii.hpp"
#include "upstream/key_hash.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace onehop::upstream {

std::string Endpoint::key_of(const Upstream::Endpoint& endpoint) {
  std::string key(endpoint.url.scheme());
  key += "://";
  if (endpoint.url.scheme() == "unix") {
    key += endpoint.url.socket_path();
  } else {
    std::ranges::transform(endpoint.url.authority(), std::back_inserter(key), ascii::to_lower);
  }
  if (!endpoint.connect_address.empty()) (key += '@') += endpoint.connect_address;
  return key;
}

Endpoint::Endpoint(const Upstream::Endpoint& e, Time now)
    : key(key_of(e)),
      url(e.url),
      connect_address(e.connect_address),
      hash(hash_of(key)),
      since_(rep(now)) {}

bool Endpoint::begin_trial(Time now) noexcept {
  // The request that succeeds in moving the time has the trial.
  Time::rep until = ejected_until_.load(std::memory_order_relaxed);
  Condition before = condition();
  if (rep(now) < until || !is_passed_over(before)) return false;
  const Time::rep next = rep(io::deadline_after(now, kTrialTime));
  if (!ejected_until_.compare_exchange_strong(until, next, std::memory_order_relaxed)) return false;
  return before == Condition::trying ||
         condition_.compare_exchange_strong(before, Condition::trying, std::memory_order_relaxed);
}

void Endpoint::become(Condition condition, Time now) noexcept {
  if (condition_.exchange(condition, std::memory_order_relaxed) == condition) return;
  since_.store(rep(now), std::memory_order_relaxed);
  if (condition == Condition::usable) usable_since_.store(rep(now), std::memory_order_relaxed);
}

void Endpoint::eject(Time now, Time until) noexcept {
  ejected_until_.store(rep(until), std::memory_order_relaxed);
  become(Condition::ejected, now);
  ejections_total.fetch_add(1, std::memory_order_relaxed);
  window.clear();
}

void Endpoint::allow_trial(Time now) noexcept {
  ejected_until_.store(rep(now), std::memory_order_relaxed);
  condition_.store(Condition::ejected, std::memory_order_relaxed);
}

void Endpoint::take_over(const Endpoint& before, bool is_checked) {
  const auto copy = [](auto& to, const auto& from) {
    to.store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
  };
  set_last_failure(before.last_failure());
  copy(load.total, before.load.total);
  copy(failures_total, before.failures_total);
  copy(ejections_total, before.ejections_total);
  copy(checks_good_total, before.checks_good_total);
  copy(checks_failed_total, before.checks_failed_total);
  copy(checks_draining_total, before.checks_draining_total);
  copy(usable_since_, before.usable_since_);
  copy(ejected_until_, before.ejected_until_);
  copy(since_, before.since_);
  window.take_over(before.window);
  ejections_in_a_row = before.ejections_in_a_row;
  Condition condition = before.condition();
  if (condition == Condition::trying) {
    condition = Condition::ejected;  // the request that tries it does not belong to this group
  } else if (!is_checked && condition != Condition::ejected) {
    condition = Condition::usable;
  }
  condition_.store(condition, std::memory_order_relaxed);
}

EndpointFailure Endpoint::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

void Endpoint::set_last_failure(EndpointFailure failure) {
  const std::lock_guard lock(mutex_);
  last_failure_ = std::move(failure);
}

}  // namespace onehop::upstream
