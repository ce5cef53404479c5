// SPDX-License-Identifier: Apache-2.0
//
// Balancer chooses an endpoint of a list for one request. It does not read a clock; the caller
// provides the time and the random seed. One per worker and list. Thread: owner.
#pragma once

#include <onehop/upstream.hpp>

#include "upstream/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace onehop::upstream {

// A request that looks for an endpoint.
struct Wanted {
  Time now{};
  std::span<const std::size_t> tried = {};  // endpoints that it must not be sent to
  // Sending the request twice does no harm, so the request may try an ejected endpoint at once.
  bool is_repeatable = false;
  std::uint64_t key = 0;  // for Balance::hash
};

class Balancer {
 public:
  // Up to this many endpoints, `least` scans the whole list; beyond it, it compares two at random.
  static constexpr std::size_t kWholeScan = 32;

  // `members` outlives the balancer.
  Balancer(std::span<const Member> members,
           Balance balance,
           Duration slow_start,
           std::uint64_t seed);

  // Returns the index of an endpoint, or std::nullopt if none is left. If the time of an ejected
  // endpoint is over, it is chosen for one request, which tries it. Backups are chosen if no other
  // endpoint is usable, and unusable endpoints if no endpoint is usable.
  std::optional<std::size_t> choose(const Wanted& wanted);
  // Reports whether choose() would find an endpoint.
  bool has_choice(const Wanted& wanted) const noexcept;
  // Reports whether the endpoint is usable and has a weight above 0.
  bool is_usable(std::size_t index) const noexcept {
    const Member& member = members_[index];
    return member.weight > 0 && member.endpoint->condition() == Condition::usable;
  }

 private:
  // The endpoints that are considered.
  enum class Among : std::uint8_t {
    primary,  // usable ones that are not backups
    backup,   // usable backups
    all,      // any condition but leaving, because none is usable
  };

  std::optional<std::size_t> trial(const Wanted& wanted) noexcept;
  bool belongs(std::size_t index, Among among, const Wanted& wanted) const noexcept;
  bool has(Among among, const Wanted& wanted) const noexcept;
  std::optional<Among> group_for(const Wanted& wanted) const noexcept;
  // Returns its weight, reduced during slow start.
  double share(std::size_t index, Time now) const noexcept;
  // Returns (requests in progress + 1) / share.
  double load(std::size_t index, Time now) const noexcept;

  std::optional<std::size_t> least(Among among, const Wanted& wanted);
  // The fast path: returns the endpoint with the fewest requests if all endpoints are equal and
  // none was tried. std::nullopt unless all are usable and have their full share.
  std::optional<std::size_t> least_of_usable(Time now);
  std::optional<std::size_t> least_of_all(Among among, const Wanted& wanted);
  std::optional<std::size_t> in_turn(Among among, const Wanted& wanted);
  std::optional<std::size_t> at_random(Among among, const Wanted& wanted);
  std::optional<std::size_t> first(Among among, const Wanted& wanted) const noexcept;
  std::optional<std::size_t> by_hash(Among among, const Wanted& wanted) const;

  std::span<const Member> members_;
  const Balance balance_;
  const Duration slow_start_;
  const bool are_equal_;  // no backups, equal weights, at most kWholeScan
  std::minstd_rand random_;
  std::vector<double> turns_;  // round robin: the credit of each endpoint
  Time next_look_{};           // when a long list is next searched for ejected ones
};

}  // namespace onehop::upstream
