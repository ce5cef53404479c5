// SPDX-License-Identifier: Apache-2.0
//
// BalancedUpstream: an upstream that spreads requests over endpoints, as an Overview shows it.
// Thread: owner.
#pragma once

#include <onehop/upstream.hpp>

#include "observe/two_clocks.hpp"
#include "observe/upstream_endpoints.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onehop::observe {

struct BalancedUpstream {
  using WallTime = TwoClocks::WallTime;

  // One server.
  struct Endpoint {
    std::string endpoint;  // its name, that of the metrics
    Upstream::State state = Upstream::State::up;
    std::optional<WallTime> since = {};  // of this state
    double weight = 1;
    bool backup = false;
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0, failures = 0, ejections = 0;  // since the endpoint is known
    std::string last_failure = {};                            // in words; "": there was none
    std::optional<WallTime> last_failure_at = {};
  };

  std::string upstream;  // its name, that of the metrics
  std::string balance;   // as in UpstreamEndpoints
  std::string sticky;
  // How many endpoints are in each state, by Upstream::State.
  std::array<std::uint64_t, 5> states{};
  std::vector<Endpoint> endpoints;  // faulty ones first, usable ones last
  std::uint64_t left_out = 0;       // endpoints that are not in the list

  // The maximum of `endpoints`; and of those of all upstreams, if that leaves one to each.
  static constexpr std::size_t kMaxEndpoints = 100;
  static constexpr std::size_t kMaxOfAll = 500;

  std::uint64_t count(Upstream::State state) const noexcept {
    return states[static_cast<std::size_t>(state)];
  }
  std::uint64_t total() const noexcept;
  std::uint64_t faulty() const noexcept;  // ejected or down
  std::uint64_t usable() const noexcept;  // up or starting
};

// Returns a sentence if the upstream needs a human, else "". Users notice if no endpoint is usable,
// although requests are sent to all of them then.
std::string problem_of(const BalancedUpstream& upstream);

// By name. Times are those of the event loops.
std::vector<BalancedUpstream> balanced_upstreams(const Endpoints& endpoints,
                                                 const TwoClocks& clocks);

}  // namespace onehop::observe
