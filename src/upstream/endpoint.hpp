// SPDX-License-Identifier: Apache-2.0
//
// Endpoint is one server of an upstream, shared by all workers: its health, its requests in
// progress and its counters. It lives as long as a list names it or a request uses it, and a minute
// longer.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

#include "io/timer_wheel.hpp"
#include "transport/endpoint_use.hpp"
#include "upstream/failure_window.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace onehop::upstream {

using io::Duration;
using io::Time;

// Whether an endpoint gets requests, and the reason if it does not.
enum class Condition : std::uint8_t {
  usable,
  ejected,  // requests failed; it gets none until ejected_until()
  trying,   // after that, one request is trying it
  awaited,  // new; its first check is not over
  down,     // checks failed
  leaving,  // it has reported that it takes no more requests
};

constexpr bool is_passed_over(Condition condition) noexcept {
  return condition == Condition::ejected || condition == Condition::trying;
}

// A failure of an endpoint, in words.
struct EndpointFailure {
  std::string text;
  Time at{};
};

struct Endpoint {
  // If a trial has had no result for this long, another request may try as well.
  static constexpr Duration kTrialTime = std::chrono::seconds(10);

  explicit Endpoint(const Upstream::Endpoint& e, Time now = Time{});

  // Returns the key by which another list finds the endpoint again: "http://a:8000@10.0.0.1".
  static std::string key_of(const Upstream::Endpoint& endpoint);

  const std::string key;
  const Url url;
  const std::string connect_address;
  const std::uint64_t hash;  // hash of the key, the same in all processes

  transport::EndpointLoad load;
  FailureWindow window;
  std::atomic<std::uint64_t> failures_total = 0;
  std::atomic<std::uint64_t> ejections_total = 0;
  std::atomic<std::uint64_t> checks_good_total = 0;
  std::atomic<std::uint64_t> checks_failed_total = 0;
  std::atomic<std::uint64_t> checks_draining_total = 0;
  unsigned ejections_in_a_row = 0;  // guarded by the group's mutex

  Condition condition() const noexcept { return condition_.load(std::memory_order_relaxed); }
  // Returns when it became usable, for slow start.
  Time usable_since() const noexcept { return from(usable_since_); }
  // Returns when a request may try it; during a trial, when another request may.
  Time ejected_until() const noexcept { return from(ejected_until_); }
  // Makes the caller's request the one that tries the endpoint. Returns false if the ejection is
  // not over, or if another request has begun to try within kTrialTime.
  bool begin_trial(Time now) noexcept;

  // Called by Group only, which decides whether the endpoint may be ejected, and holds its own
  // mutex.
  void become(Condition condition, Time now) noexcept;
  void eject(Time now, Time until) noexcept;
  // Begins slow start, for an endpoint that is new in a list.
  void start(Time now) noexcept { usable_since_.store(rep(now), std::memory_order_relaxed); }
  // Allows the next request to try, because the trial has shown nothing.
  void allow_trial(Time now) noexcept;
  // Returns since when it has its condition.
  Time since() const noexcept { return from(since_); }
  // Initializes a new endpoint from `before`, the same endpoint in another group, whose mutex the
  // caller holds. If `is_checked` is false, conditions that only a check could end become usable.
  void take_over(const Endpoint& before, bool is_checked);

  EndpointFailure last_failure() const;
  void set_last_failure(EndpointFailure failure);

 private:
  static Time from(const std::atomic<Time::rep>& stored) noexcept {
    return Time(Time::duration(stored.load(std::memory_order_relaxed)));
  }
  static Time::rep rep(Time time) noexcept { return time.time_since_epoch().count(); }

  std::atomic<Condition> condition_ = Condition::usable;
  std::atomic<Time::rep> usable_since_ = rep(Time::min()) / 2;  // far in the past
  std::atomic<Time::rep> ejected_until_ = 0;
  std::atomic<Time::rep> since_;
  mutable std::mutex mutex_;
  EndpointFailure last_failure_;  // guarded by mutex_
};

// An endpoint in one list.
struct Member {
  std::shared_ptr<Endpoint> endpoint;
  double weight = 1;
  bool backup = false;
  std::uint64_t cookie = 0;  // the value that stands for it in a sticky cookie
};

}  // namespace onehop::upstream
