// SPDX-License-Identifier: Apache-2.0
//
// Group holds the endpoints of an upstream, and all state about them that workers share. It decides
// which endpoints are passed over, because that depends on the others. Thread: any.
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

// How an endpoint that is new in the list starts.
enum class Arrival : std::uint8_t {
  with_the_start,  // usable at once
  later,           // waits for its first check, or begins slow start
};

// The endpoints in order. It does not change.
using MemberList = std::vector<Member>;

class Group {
 public:
  // The limit of Upstream::Options::max_attempts.
  static constexpr std::size_t kMaxAttempts = 16;
  // The minimum size of the key that signs sticky cookies, in bytes.
  static constexpr std::size_t kMinCookieKey = 16;

  // How long an endpoint that is not in the list is remembered, and how many of them; endpoints
  // with requests in progress are always remembered.
  static constexpr Duration kRemembered = std::chrono::seconds(60);
  static constexpr std::size_t kMaxRemembered = 1000;

  // Throws std::invalid_argument if an option cannot be used. `before` is the group that this one
  // replaces at `now`, whose endpoints' state it copies; null if there is none.
  explicit Group(Upstream::Options options, const Group* before = nullptr, Time now = {});
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const Upstream::Options& options() const noexcept { return options_; }
  // Returns a number that is unique among the Groups of the process.
  std::uint64_t id() const noexcept { return id_; }

  // Replaces the list. Throws std::invalid_argument and changes nothing if the list cannot be used.
  void update(std::vector<Upstream::Endpoint> endpoints, Time now, Arrival arrival);
  // Stops naming origins, because another group replaces this one.
  void retire() noexcept;
  // Returns a number that changes with each update().
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const MemberList> members() const;
  // Returns the sticky cookie for the value Member::cookie. `is_secure` is true if the client uses
  // TLS.
  SetCookie cookie_of(std::uint64_t value, bool is_secure) const;
  std::vector<Upstream::Status> statuses(Time now) const;

  // Record the end of a request to `endpoint`. `was_passed_over` is true if the endpoint was
  // ejected when the request was sent to it, either to try it or because no other was usable.
  void on_success(Endpoint& endpoint, bool was_passed_over, Time now);
  void on_failure(Endpoint& endpoint, std::string_view reason, Time now);
  // Ends a trial whose request has shown nothing about the endpoint.
  void end_trial(Endpoint& endpoint, Time now);
  // Records the result of a check. Success makes an endpoint that is down usable; failure takes an
  // endpoint out of use, even if it is the last.
  void on_check(Endpoint& endpoint, Condition found, std::string_view reason, Time now);

 private:
  // An endpoint that is not in the list any more.
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
  // Returns true if the endpoint was usable until now.
  bool try_to_eject(Endpoint& endpoint, Time now);
  bool may_eject(const Endpoint& endpoint) const noexcept;
  Duration next_eject_time(Endpoint& endpoint, Time now);
  // Called without the mutex, because on_change may call statuses().
  void report(const Endpoint& endpoint, std::string_view event) const;

  const bool has_random_key_;  // whether the cookie's key is random
  const Upstream::Options options_;
  const std::uint64_t id_;
  std::atomic<std::uint64_t> generation_ = 1;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Upstream::Endpoint> named_;
  std::shared_ptr<const MemberList> members_;
  std::vector<Gone> gone_;
  transport::NamedOrigins origins_;  // the origins of the list
  bool is_retired_ = false;
  std::minstd_rand random_;
};

}  // namespace onehop::upstream
