// SPDX-License-Identifier: Apache-2.0
//
// Balancer chooses an endpoint of a list for one request. It has no clock and no source of
// randomness of its own. One for each worker and list. Thread: owner.
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
  // Sending it twice does no harm: it may be the one that tries an ejected endpoint.
  bool is_repeatable = false;
  std::uint64_t key = 0;  // for Balance::hash
};

class Balancer {
 public:
  // Beyond it, `least` compares two random ones.
  static constexpr std::size_t kWholeScan = 32;

  // `members` outlives it.
  Balancer(std::span<const Member> members,
           Balance balance,
           Duration slow_start,
           std::uint64_t seed);

  // Returns the index of the endpoint, or std::nullopt if none is left. An ejected endpoint whose
  // time is over is chosen for one request, which tries it. Backups are chosen if no other endpoint
  // is usable, and unusable endpoints if none is usable.
  std::optional<std::size_t> choose(const Wanted& wanted);
  // Whether choose() would find one.
  bool has_choice(const Wanted& wanted) const noexcept;
  // Whether the endpoint may be chosen now.
  bool is_usable(std::size_t index) const noexcept {
    const Member& member = members_[index];
    return member.weight > 0 && member.endpoint->condition() == Condition::usable;
  }

 private:
  // Which endpoints are looked at.
  enum class Among : std::uint8_t {
    primary,  // usable ones that are not backups
    backup,   // usable backups
    all,      // whatever their condition: none is usable
  };

  std::optional<std::size_t> trial(const Wanted& wanted) noexcept;
  bool belongs(std::size_t index, Among among, const Wanted& wanted) const noexcept;
  bool has(Among among, const Wanted& wanted) const noexcept;
  std::optional<Among> group_for(const Wanted& wanted) const noexcept;
  // Its weight, less while it starts.
  double share(std::size_t index, Time now) const noexcept;
  // Requests in progress for its share, with one more.
  double load(std::size_t index, Time now) const noexcept;

  std::optional<std::size_t> least(Among among, const Wanted& wanted);
  // The one with the fewest requests, as usual: the endpoints are equal and none was tried.
  // std::nullopt unless all are usable and have their full share.
  std::optional<std::size_t> least_of_usable(Time now);
  std::optional<std::size_t> least_of_all(Among among, const Wanted& wanted);
  std::optional<std::size_t> in_turn(Among among, const Wanted& wanted);
  std::optional<std::size_t> at_random(Among among, const Wanted& wanted);
  std::optional<std::size_t> first(Among among, const Wanted& wanted) const noexcept;
  std::optional<std::size_t> by_hash(Among among, const Wanted& wanted) const;

  std::span<const Member> members_;
  const Balance balance_;
  const Duration slow_start_;
  const bool are_equal_;  // no backup, one weight; and not many
  std::minstd_rand random_;
  std::vector<double> turns_;  // of round robin: the credit of each endpoint
  Time next_look_{};           // for ejected ones, in a long list
};

}  // namespace onehop::upstream
