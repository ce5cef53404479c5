// SPDX-License-Identifier: Apache-2.0
//
// BalancedUpstream describes an upstream that spreads requests over endpoints, for an Overview.
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

  // One server of the upstream.
  struct Endpoint {
    std::string endpoint;  // its name in the metrics
    Upstream::State state = Upstream::State::up;
    std::optional<WallTime> since = {};  // when this state began
    double weight = 1;
    bool backup = false;
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0, failures = 0, ejections = 0;  // since the endpoint became known
    std::string last_failure = {};                            // in words; "" if there was none
    std::optional<WallTime> last_failure_at = {};
  };

  std::string upstream;  // its name in the metrics
  std::string balance;   // as in UpstreamEndpoints
  std::string sticky;
  // The number of endpoints in each state, indexed by Upstream::State.
  std::array<std::uint64_t, 5> states{};
  std::vector<Endpoint> endpoints;  // faulty ones first, usable ones last
  std::uint64_t left_out = 0;       // further endpoints, which the list leaves out

  // The maximum size of `endpoints` of one upstream and of all upstreams. Each upstream lists at
  // least one endpoint, even if that exceeds kMaxOfAll.
  static constexpr std::size_t kMaxEndpoints = 100;
  static constexpr std::size_t kMaxOfAll = 500;

  std::uint64_t count(Upstream::State state) const noexcept {
    return states[static_cast<std::size_t>(state)];
  }
  std::uint64_t total() const noexcept;
  std::uint64_t faulty() const noexcept;  // ejected or down
  std::uint64_t usable() const noexcept;  // up or starting
};

// Returns a sentence if the upstream needs the operator's attention, else "". If no endpoint is
// usable, users notice, although requests are then sent to all endpoints.
std::string problem_of(const BalancedUpstream& upstream);

// Returns the upstreams by name. `clocks` converts the times of the event loops.
std::vector<BalancedUpstream> balanced_upstreams(const Endpoints& endpoints,
                                                 const TwoClocks& clocks);

}  // namespace onehop::observe
