// SPDX-License-Identifier: Apache-2.0
//
// Group: the endpoints of an upstream and everything that workers share of them. It decides which
// of them are passed over, since that depends on the others. Thread: any.
#pragma once

#include <onehop/cookies.hpp>
#include <onehop/upstream.hpp>

#include "transport/named_origins.hpp"
#include "upstream/endpoint.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::upstream {

// How an endpoint that is new in the list is treated.
enum class Arrival : std::uint8_t {
  with_the_start,  // as usable
  later,           // it waits for its first check, or gets a share that rises
};

// The endpoints in their order. Constant.
using MemberList = std::vector<Member>;

class Group {
 public:
  // Of Upstream::Options::max_attempts.
  static constexpr std::size_t kMaxAttempts = 16;
  // Bytes, of the key that signs sticky cookies.
  static constexpr std::size_t kMinCookieKey = 16;

  // How long an endpoint that no list names is remembered, and how many, besides those that have
  // requests.
  static constexpr Duration kRemembered = std::chrono::seconds(60);
  static constexpr std::size_t kMaxRemembered = 1000;

  // Throws std::invalid_argument if an option cannot be used. `before`: the group that this one
  // replaces now, whose endpoints it knows; null if there is none.
  explicit Group(Upstream::Options options, const Group* before = nullptr, Time now = {});
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const Upstream::Options& options() const noexcept { return options_; }
  // Never the same for two Groups of a process.
  std::uint64_t id() const noexcept { return id_; }

  // Replaces the list. Throws std::invalid_argument, and has changed nothing then.
  void update(std::vector<Upstream::Endpoint> endpoints, Time now, Arrival arrival);
  // Another group serves in its place: the list names no origins from now on.
  void retire() noexcept;
  // Changes with each update().
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const MemberList> members() const;
  // The sticky cookie with the value Member::cookie. `is_secure`: the client uses TLS.
  SetCookie cookie_of(std::uint64_t value, bool is_secure) const;
  std::vector<Upstream::Status> statuses(Time now) const;

  // A request to `endpoint` has ended. `was_passed_over`: the endpoint was ejected when the request
  // went there, to try it or for want of another.
  void on_success(Endpoint& endpoint, bool was_passed_over, Time now);
  void on_failure(Endpoint& endpoint, std::string_view reason, Time now);
  // The request that tried it has ended for a reason that says nothing about the endpoint.
  void end_trial(Endpoint& endpoint, Time now);
  // A check has ended with `found`. Success makes an endpoint that is down usable; failure takes an
  // endpoint out of use, even if it is the last.
  void on_check(Endpoint& endpoint, Condition found, std::string_view reason, Time now);

 private:
  // Not in the list any more.
  struct Gone {
    std::shared_ptr<Endpoint> endpoint;
    Time since;
  };

  void take_over(const Group& before, Time now);
  bool is_checked() const noexcept {
    return options_.health.kind != Upstream::HealthCheck::Kind::none;
  }
  void check(const std::vector<Upstream::Endpoint>& endpoints) const;
  transport::NamedOrigins origins_of(const MemberList& members) const;
  std::shared_ptr<Endpoint> make_endpoint(const Upstream::Endpoint& named,
                                          Time now,
                                          Arrival arrival) const;
  Upstream::Status status_of(const Upstream::Endpoint& named,
                             const Endpoint& endpoint,
                             Time now) const;
  // Returns true if it was usable until now.
  bool try_to_eject(Endpoint& endpoint, Time now);
  bool may_eject(const Endpoint& endpoint) const noexcept;
  Duration next_eject_time(Endpoint& endpoint, Time now);
  // Without the mutex: on_change may ask for statuses().
  void report(const Endpoint& endpoint, std::string_view event) const;

  const bool has_random_key_;  // of the cookie
  const Upstream::Options options_;
  const std::uint64_t id_;
  std::atomic<std::uint64_t> generation_ = 1;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Upstream::Endpoint> named_;
  std::shared_ptr<const MemberList> members_;
  std::vector<Gone> gone_;
  transport::NamedOrigins origins_;  // of the list
  bool is_retired_ = false;
  std::minstd_rand random_;
};

}  // namespace onehop::upstream
