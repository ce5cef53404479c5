// SPDX-License-Identifier: Apache-2.0
//
// RequestTotals holds the numbers of RequestMetrics, summed over all workers, and the health that
// upstream_health.hpp adds. Its views are valid as long as the RequestMetrics exists.
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
    std::uint64_t in_flight = 0;  // without tunnels; unknown for the default route
  };
  struct Reason {
    std::string_view reason;
    std::uint64_t count;
  };
  struct Address {
    std::string address = {};  // "" for requests that got no connection
    std::array<std::uint64_t, kCodeClasses> requests = {};
    HistogramTotals connect = {}, wait = {};
    std::vector<Reason> failures = {};  // failures on the upstream's side
    Time last{};                        // when a request last had a connection to it

    // Set by add_health() (upstream_health.hpp).
    std::string backend = {};  // the URL that resolves to the address, for people; "" if unknown
    Overview::Health health = Overview::Health::unused;
    Time since{};  // when the health began; zero if unknown
    std::size_t open = 0, idle = 0, in_flight = 0;

    // Adds the numbers of another address. Keeps the health.
    void add(const Address& other);
    std::uint64_t count() const noexcept;
  };
  struct Upstream {
    std::string name;
    std::vector<Address> addresses = {};
    HistogramTotals connect = {}, wait = {};  // of all its addresses, also former ones
    // Set by add_health(): down if all of its backends are down.
    Overview::Health health = Overview::Health::unused;
  };
  struct Failures {
    std::string_view side, phase, reason;
    std::uint64_t count;
  };
  // For all sides and phases.
  struct LastFailure {
    std::string_view reason;
    std::uint64_t count = 0;
    Time last{};
  };

  std::vector<Route> routes;
  std::vector<Upstream> upstreams;
  std::vector<Failures> failures;
  std::vector<LastFailure> last_failures;  // for each reason that has occurred
};

}  // namespace onehop::observe
