// SPDX-License-Identifier: Apache-2.0
#include "upstream/balancer.hpp"

#include "upstream/key_hash.hpp"

#include <algorithm>
#include <cmath>

namespace onehop::upstream {
namespace {

// The share, in slow start, of an endpoint that has just become usable. With 0 it would get no
// request.
constexpr double kFirstShare = 0.1;
// Balance::hash: how far an endpoint may exceed its share of the requests in progress.
constexpr double kBound = 1.25;
// The minimum bound, in requests in progress: a client that sends a few at once is not moved.
constexpr double kMinBound = 10;
// How long an ejected endpoint whose time is over waits for a request that may be repeated. Then
// any request may try it.
constexpr Duration kTrialPatience = std::chrono::seconds(1);
// How often a long list is searched for an ejected endpoint whose time is over.
constexpr Duration kLook = std::chrono::milliseconds(10);
// How many random endpoints are drawn before all are scanned.
constexpr int kDraws = 8;

}  // namespace

Balancer::Balancer(std::span<const Member> members,
                   Balance balance,
                   Duration slow_start,
                   std::uint64_t seed)
    : members_(members),
      balance_(balance),
      slow_start_(slow_start),
      are_equal_(!members.empty() && members.size() <= kWholeScan &&
                 std::ranges::all_of(members,
                                     [&](const Member& member) {
                                       return !member.backup && member.weight > 0 &&
                                              member.weight == members.front().weight;
                                     })),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      turns_(balance == Balance::round_robin ? members.size() : 0) {}

bool Balancer::belongs(std::size_t index, Among among, const Wanted& wanted) const noexcept {
  const Member& member = members_[index];
  if (member.weight <= 0) return false;
  const Condition condition = member.endpoint->condition();
  const bool is_candidate = among == Among::all ? condition != Condition::leaving
                                                : condition == Condition::usable &&
                                                      member.backup == (among == Among::backup);
  return is_candidate && std::ranges::find(wanted.tried, index) == wanted.tried.end();
}

bool Balancer::has(Among among, const Wanted& wanted) const noexcept {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (belongs(i, among, wanted)) return true;
  }
  return false;
}

// While any endpoint is usable, unusable ones get no request, even if all usable ones were tried:
// the client would have to wait for an endpoint that hangs.
std::optional<Balancer::Among> Balancer::group_for(const Wanted& wanted) const noexcept {
  if (has(Among::primary, wanted)) return Among::primary;
  if (has(Among::backup, wanted)) return Among::backup;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (is_usable(i)) return std::nullopt;
  }
  if (has(Among::all, wanted)) return Among::all;
  return std::nullopt;
}

bool Balancer::has_choice(const Wanted& wanted) const noexcept {
  return group_for(wanted).has_value();
}

std::optional<std::size_t> Balancer::trial(const Wanted& wanted) noexcept {
  if (members_.size() > kWholeScan) {
    if (wanted.now < next_look_) return std::nullopt;
    next_look_ = wanted.now + kLook;
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Endpoint& endpoint = *members_[i].endpoint;
    if (!is_passed_over(endpoint.condition()) || members_[i].weight <= 0) continue;
    if (members_[i].backup && has(Among::primary, wanted)) continue;
    if (std::ranges::find(wanted.tried, i) != wanted.tried.end()) continue;
    const Time when = wanted.is_repeatable ? wanted.now : wanted.now - kTrialPatience;
    if (endpoint.begin_trial(when)) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> Balancer::choose(const Wanted& wanted) {
  if (are_equal_ && balance_ == Balance::least && wanted.tried.empty()) {
    if (const auto usable = least_of_usable(wanted.now)) return usable;
  }
  if (const auto tried = trial(wanted)) return tried;
  const auto among = group_for(wanted);
  if (!among) return std::nullopt;
  switch (balance_) {
    case Balance::least:
      return least(*among, wanted);
    case Balance::round_robin:
      return in_turn(*among, wanted);
    case Balance::random:
      return at_random(*among, wanted);
    case Balance::first:
      return first(*among, wanted);
    case Balance::hash:
      return by_hash(*among, wanted);
  }
  return std::nullopt;
}

double Balancer::share(std::size_t index, Time now) const noexcept {
  const Member& member = members_[index];
  const Duration passed = now - member.endpoint->usable_since();
  if (passed >= slow_start_) return member.weight;
  const double risen =
      static_cast<double>(passed.count()) / static_cast<double>(slow_start_.count());
  return member.weight * std::max(kFirstShare, risen);
}

double Balancer::load(std::size_t index, Time now) const noexcept {
  const auto requests = members_[index].endpoint->load.requests.load(std::memory_order_relaxed);
  return (static_cast<double>(requests) + 1) / share(index, now);
}

std::optional<std::size_t> Balancer::least(Among among, const Wanted& wanted) {
  const std::size_t count = members_.size();
  if (count <= kWholeScan) return least_of_all(among, wanted);
  std::uniform_int_distribution<std::size_t> any(0, count - 1);
  std::optional<std::size_t> one;
  for (int draws = 0; draws < kDraws; ++draws) {
    const std::size_t drawn = any(random_);
    if (drawn == one || !belongs(drawn, among, wanted)) continue;
    if (one) return load(drawn, wanted.now) < load(*one, wanted.now) ? drawn : *one;
    one = drawn;
  }
  return least_of_all(among, wanted);
}

std::optional<std::size_t> Balancer::least_of_usable(Time now) {
  const std::size_t count = members_.size();
  const Time started = now - slow_start_;
  std::size_t best = count;
  std::uint32_t fewest = 0;
  std::size_t at = random_() % count;
  for (std::size_t looked_at = 0; looked_at < count; ++looked_at) {
    const Endpoint& endpoint = *members_[at].endpoint;
    if (endpoint.condition() != Condition::usable || endpoint.usable_since() > started) {
      return std::nullopt;
    }
    const std::uint32_t requests = endpoint.load.requests.load(std::memory_order_relaxed);
    if (best == count || requests < fewest) {
      best = at;
      fewest = requests;
    }
    at = at + 1 == count ? 0 : at + 1;
  }
  return best;
}

// Starts at a random index, so that equal endpoints are chosen equally often.
std::optional<std::size_t> Balancer::least_of_all(Among among, const Wanted& wanted) {
  const std::size_t count = members_.size();
  std::size_t at = count > 1 ? random_() % count : 0;
  std::optional<std::size_t> best;
  double least_load = 0;
  for (std::size_t looked_at = 0; looked_at < count;
       ++looked_at, at = at + 1 == count ? 0 : at + 1) {
    if (!belongs(at, among, wanted)) continue;
    const double its_load = load(at, wanted.now);
    if (best && its_load >= least_load) continue;
    best = at;
    least_load = its_load;
  }
  return best;
}

// Adds its share to the credit of each endpoint, and subtracts the total from the endpoint with the
// highest credit, which is chosen. So the turns of a heavy endpoint are spread among those of the
// others.
std::optional<std::size_t> Balancer::in_turn(Among among, const Wanted& wanted) {
  std::optional<std::size_t> best;
  double total = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!belongs(i, among, wanted)) continue;
    const double its_share = share(i, wanted.now);
    turns_[i] += its_share;
    total += its_share;
    if (!best || turns_[i] > turns_[*best]) best = i;
  }
  if (best) turns_[*best] -= total;
  return best;
}

std::optional<std::size_t> Balancer::at_random(Among among, const Wanted& wanted) {
  double total = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (belongs(i, among, wanted)) total += share(i, wanted.now);
  }
  double at = std::uniform_real_distribution<double>(0, total)(random_);
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!belongs(i, among, wanted)) continue;
    last = i;
    at -= share(i, wanted.now);
    if (at < 0) break;
  }
  return last;
}

std::optional<std::size_t> Balancer::first(Among among, const Wanted& wanted) const noexcept {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (belongs(i, among, wanted)) return i;
  }
  return std::nullopt;
}

// Returns the endpoint with the highest rank that is below its bound. Slow start does not count, so
// that a key does not move while its endpoint starts.
std::optional<std::size_t> Balancer::by_hash(Among among, const Wanted& wanted) const {
  double requests = 1;
  double weights = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!belongs(i, among, wanted)) continue;
    requests += members_[i].endpoint->load.requests.load(std::memory_order_relaxed);
    weights += members_[i].weight;
  }
  struct Best {
    std::optional<std::size_t> index;
    double rank = 0;
    void look_at(std::size_t i, double its_rank) noexcept {
      if (!index || its_rank > rank) *this = {i, its_rank};
    }
  };
  Best below, any;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!belongs(i, among, wanted)) continue;
    const Member& member = members_[i];
    const double its_requests = member.endpoint->load.requests.load(std::memory_order_relaxed);
    const double its_share = kBound * requests * member.weight / weights;
    const double bound = std::max(kMinBound, std::ceil(its_share));
    const double rank = rank_of(wanted.key, member.endpoint->hash, member.weight);
    any.look_at(i, rank);
    if (its_requests < bound) below.look_at(i, rank);
  }
  // Other workers change the counts while this one reads them, so all endpoints may seem to be
  // above their bounds.
  return below.index ? below.index : any.index;
}

}  // namespace onehop::upstream
