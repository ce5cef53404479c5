// SPDX-License-Identifier: Apache-2.0
//
// RequestTotals: the numbers of RequestMetrics, summed over all workers, and what upstream_health
// adds to them. Its views are valid as long as the RequestMetrics.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/histogram.hpp"
#include "observe/overview.hpp"
#include "observe/request_labels.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

struct RequestTotals {
  struct Requests {
    std::string_view method, protocol, code;
    std::uint64_t count;
  };
  struct Route {
    std::string name;
    std::vector<Requests> requests = {};
    HistogramTotals duration = {};
    std::uint64_t request_body_bytes = 0, response_body_bytes = 0;
    std::uint64_t in_flight = 0;  // those that are no tunnels; not known of the default route
  };
  struct Reason {
    std::string_view reason;
    std::uint64_t count;
  };
  struct Address {
    std::string address = {};  // "" for requests that got no connection to any
    std::array<std::uint64_t, kCodeClasses> requests = {};
    HistogramTotals connect = {}, wait = {};
    std::vector<Reason> failures = {};  // whose side is the upstream
    Time last{};                        // when a request last had a connection to it

    // Of upstream_health.
    std::string backend = {};  // the URL that leads to it, for people; "" if that is unknown
    Overview::Health health = Overview::Health::unused;
    Time since{};  // of the health; zero if that is unknown
    std::size_t open = 0, idle = 0, in_flight = 0;

    // Adds the numbers of another address. The health stays.
    void add(const Address& other);
    std::uint64_t count() const noexcept;
  };
  struct Upstream {
    std::string name;
    std::vector<Address> addresses = {};
    HistogramTotals connect = {}, wait = {};  // of all addresses that it has ever had
    // Of upstream_health: down if all of its backends are.
    Overview::Health health = Overview::Health::unused;
  };
  struct Failures {
    std::string_view side, phase, reason;
    std::uint64_t count;
  };
  // Whatever its side and phase.
  struct LastFailure {
    std::string_view reason;
    std::uint64_t count = 0;
    Time last{};
  };

  std::vector<Route> routes;
  std::vector<Upstream> upstreams;
  std::vector<Failures> failures;
  std::vector<LastFailure> last_failures;  // of the reasons that have occurred
};

}  // namespace onehop::observe
