// SPDX-License-Identifier: Apache-2.0
#include "observe/balanced_upstream.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace onehop::observe {
namespace {

using State = Upstream::State;
using Statuses = std::vector<Upstream::Status>;

std::optional<TwoClocks::WallTime> wall_time(Time at, const TwoClocks& clocks) {
  if (at == Time{}) return std::nullopt;
  return clocks.wall_time(at);
}

BalancedUpstream::Endpoint row_of(const Upstream::Status& status, const TwoClocks& clocks) {
  BalancedUpstream::Endpoint row;
  row.endpoint = endpoint_name(status.endpoint);
  row.state = status.state;
  row.since = wall_time(status.since, clocks);
  row.weight = status.endpoint.weight;
  row.backup = status.endpoint.backup;
  row.in_flight = status.requests;
  row.requests = status.requests_total;
  row.failures = status.failures_total;
  row.ejections = status.ejections_total;
  row.last_failure = status.last_failure;
  row.last_failure_at = wall_time(status.last_failure_at, clocks);
  return row;
}

bool is_faulty(State state) noexcept {
  return state == State::ejected || state == State::down;
}

// Returns faulty endpoints first, so that they are not lost among a thousand others, and usable
// ones last.
std::vector<const Upstream::Status*> in_order(const Statuses& statuses) {
  constexpr int kRanks = 3;
  const auto rank_of = [](State state) { return is_faulty(state) ? 0 : is_usable(state) ? 2 : 1; };
  std::vector<const Upstream::Status*> order;
  for (int rank = 0; rank < kRanks; ++rank) {
    for (const Upstream::Status& status : statuses) {
      if (rank_of(status.state) == rank) order.push_back(&status);
    }
  }
  return order;
}

// Returns ": http://10.0.0.2:8000 is ejected (connect: Connection refused)"; "" if no endpoint is
// faulty.
std::string first_fault(const BalancedUpstream& upstream) {
  if (upstream.endpoints.empty() || !is_faulty(upstream.endpoints.front().state)) return "";
  const BalancedUpstream::Endpoint& first = upstream.endpoints.front();
  std::string text = upstream.faulty() == 1 ? ": " : "; the first of them: ";
  text += first.endpoint + " is " + std::string(to_string(first.state));
  if (!first.last_failure.empty()) text += " (" + first.last_failure + ")";
  return text;
}

}  // namespace

std::uint64_t BalancedUpstream::total() const noexcept {
  return std::accumulate(states.begin(), states.end(), std::uint64_t{0});
}

std::uint64_t BalancedUpstream::faulty() const noexcept {
  return count(State::ejected) + count(State::down);
}

std::uint64_t BalancedUpstream::usable() const noexcept {
  return count(State::up) + count(State::starting);
}

std::string problem_of(const BalancedUpstream& upstream) {
  const std::uint64_t faulty = upstream.faulty();
  const std::string whose = " of the upstream " + upstream.upstream;
  if (upstream.total() == 0) return "No endpoint" + whose + " is known.";
  if (upstream.usable() == 0) return "No endpoint" + whose + " is up" + first_fault(upstream) + ".";
  if (faulty == 0) return "";
  return std::to_string(faulty) + " of " + std::to_string(upstream.total()) + " endpoints" + whose +
         (faulty == 1 ? " is passed over" : " are passed over") + first_fault(upstream) + ".";
}

std::vector<BalancedUpstream> balanced_upstreams(const Endpoints& endpoints,
                                                 const TwoClocks& clocks) {
  const std::size_t share =
      BalancedUpstream::kMaxOfAll / std::max<std::size_t>(endpoints.size(), 1);
  const std::size_t max = std::clamp<std::size_t>(share, 1, BalancedUpstream::kMaxEndpoints);
  std::vector<BalancedUpstream> all;
  for (const auto& [name, upstream] : endpoints) {
    BalancedUpstream& made = all.emplace_back();
    made.upstream = upstream_name(name);
    made.balance = upstream.balance;
    made.sticky = upstream.sticky;
    for (const Upstream::Status* const status : in_order(upstream.statuses)) {
      ++made.states[static_cast<std::size_t>(status->state)];
      if (made.endpoints.size() < max) {
        made.endpoints.push_back(row_of(*status, clocks));
      } else {
        ++made.left_out;
      }
    }
  }
  return all;
}

}  // namespace onehop::observe
