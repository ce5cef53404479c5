// SPDX-License-Identifier: Apache-2.0
#include "observe/request_totals.hpp"

#include <algorithm>
#include <numeric>

namespace onehop::observe {

void RequestTotals::Address::add(const Address& other) {
  for (std::size_t i = 0; i < kCodeClasses; ++i)
    requests[i] += other.requests[i];
  connect.add(other.connect);
  wait.add(other.wait);
  for (const Reason& one : other.failures) {
    const auto known = std::ranges::find(failures, one.reason, &Reason::reason);
    if (known == failures.end()) {
      failures.push_back(one);
    } else {
      known->count += one.count;
    }
  }
  last = std::max(last, other.last);
}

std::uint64_t RequestTotals::Address::count() const noexcept {
  return std::accumulate(requests.begin(), requests.end(), std::uint64_t{0});
}

}  // namespace onehop::observe
