// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: one server of an upstream as all workers share it: its health, its requests in progress
// and its counters. It lives as long as a list names it or a request uses it, and for a minute
// after that. Thread: any.
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

// Whether an endpoint gets requests, and why not.
enum class Condition : std::uint8_t {
  usable,
  ejected,  // requests failed: none until ejected_until()
  trying,   // the request that tries it after that is in progress
  awaited,  // it is new, and its first check is not over
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
  // If a trial has had no outcome for this long, another request may try as well.
  static constexpr Duration kTrialTime = std::chrono::seconds(10);

  explicit Endpoint(const Upstream::Endpoint& e, Time now = Time{});

  // The key by which another list finds the endpoint again: "http://a:8000@10.0.0.1".
  static std::string key_of(const Upstream::Endpoint& endpoint);

  const std::string key;
  const Url url;
  const std::string connect_address;
  const std::uint64_t hash;  // of the key, the same in all processes

  transport::EndpointLoad load;
  FailureWindow window;
  std::atomic<std::uint64_t> failures_total = 0;
  std::atomic<std::uint64_t> ejections_total = 0;
  std::atomic<std::uint64_t> checks_good_total = 0;
  std::atomic<std::uint64_t> checks_failed_total = 0;
  std::atomic<std::uint64_t> checks_draining_total = 0;
  unsigned ejections_in_a_row = 0;  // guarded by the group's mutex

  Condition condition() const noexcept { return condition_.load(std::memory_order_relaxed); }
  // When it became usable, for slow start.
  Time usable_since() const noexcept { return from(usable_since_); }
  // During a trial: until when no other request may try.
  Time ejected_until() const noexcept { return from(ejected_until_); }
  // Makes the caller's request the one that tries the endpoint. Returns false if its time has not
  // come, or if another request has begun to try within kTrialTime.
  bool begin_trial(Time now) noexcept;

  // For Group alone, which decides whether the endpoint may be ejected, and holds its mutex.
  void become(Condition condition, Time now) noexcept;
  void eject(Time now, Time until) noexcept;
  // The endpoint is new in a list: its share rises from now on.
  void start(Time now) noexcept { usable_since_.store(rep(now), std::memory_order_relaxed); }
  // The trial has shown nothing: the next request may try.
  void allow_trial(Time now) noexcept;
  // Since it has its condition.
  Time since() const noexcept { return from(since_); }
  // For a new one: what is known of `before`, the same endpoint of another group, whose mutex the
  // caller holds. `is_checked`: checks will end what only they can.
  void take_over(const Endpoint& before, bool is_checked);

  EndpointFailure last_failure() const;
  void set_last_failure(EndpointFailure failure);

 private:
  static Time from(const std::atomic<Time::rep>& stored) noexcept {
    return Time(Time::duration(stored.load(std::memory_order_relaxed)));
  }
  static Time::rep rep(Time time) noexcept { return time.time_since_epoch().count(); }

  std::atomic<Condition> condition_ = Condition::usable;
  std::atomic<Time::rep> usable_since_ = rep(Time::min()) / 2;  // long ago
  std::atomic<Time::rep> ejected_until_ = 0;
  std::atomic<Time::rep> since_;
  mutable std::mutex mutex_;
  EndpointFailure last_failure_;  // guarded by mutex_
};

// An endpoint as one list names it.
struct Member {
  std::shared_ptr<Endpoint> endpoint;
  double weight = 1;
  bool backup = false;
  std::uint64_t cookie = 0;  // its value in a sticky cookie
};

}  // namespace onehop::upstream
