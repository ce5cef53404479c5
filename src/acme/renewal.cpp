// SPDX-License-Identifier: Apache-2.0
#include "acme/renewal.hpp"

#include <algorithm>

namespace onehop::acme {
namespace {

using std::chrono::seconds;

constexpr double kRenewAt = 2.0 / 3;
constexpr double kEarlierBy = 0.1;
constexpr seconds kAdvice = std::chrono::hours(6);
constexpr seconds kEarliestAdvice = std::chrono::minutes(1);
constexpr seconds kLatestAdvice = std::chrono::hours(24);
constexpr seconds kFirstWait = std::chrono::minutes(1);
constexpr seconds kLongestRetry = std::chrono::hours(6);
constexpr unsigned kMaxDoublings = 9;
constexpr double kJitter = 0.2;

WallTime at_share(WallTime begin, WallTime end, double share) {
  const std::chrono::duration<double> length = end - begin;
  return begin + std::chrono::duration_cast<WallTime::duration>(length * share);
}

}  // namespace

WallTime renewal_time(const Lifetime& lifetime, double random) {
  return at_share(lifetime.begin, lifetime.end, kRenewAt - kEarlierBy * random);
}

WallTime renewal_time(const RenewalWindow& window, double random) {
  return at_share(window.start, window.end, random);
}

seconds until_next_advice(std::optional<seconds> retry_after) {
  return std::clamp(retry_after.value_or(kAdvice), kEarliestAdvice, kLatestAdvice);
}

seconds until_next_order(WallTime obtained, WallTime end) {
  constexpr int kShare = 100;
  return std::clamp(std::chrono::floor<seconds>((end - obtained) / kShare), kFirstWait,
                    kLongestRetry);
}

seconds until_next_attempt(unsigned failures, std::optional<seconds> retry_after, double random) {
  const unsigned doublings = std::min(std::max(failures, 1U) - 1, kMaxDoublings);
  const seconds wait = std::min(kFirstWait * (1U << doublings), kLongestRetry);
  const auto less = std::chrono::duration_cast<seconds>(wait * (kJitter * random));
  return std::max(wait - less, retry_after.value_or(seconds(0)));
}

Urgency urgency_of(const Lifetime& lifetime, WallTime now) {
  if (now >= at_share(lifetime.begin, lifetime.end, 0.9)) return Urgency::error;
  if (now >= at_share(lifetime.begin, lifetime.end, kRenewAt)) return Urgency::warning;
  return Urgency::none;
}

}  // namespace onehop::acme
