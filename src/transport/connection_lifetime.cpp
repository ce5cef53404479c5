// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_lifetime.hpp"

namespace onehop::transport {
namespace {

// Multiples of the golden ratio's fractional part fill the unit interval evenly, however many there
// are.
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
constexpr double kTwoTo64 = 18446744073709551616.0;
constexpr double kMaxSpread = 0.1;

net::Duration shortened(net::Duration age, std::uint64_t number) noexcept {
  if (age == net::Duration::max()) return age;  // no limit
  const double share = kMaxSpread * static_cast<double>(number * kGolden) / kTwoTo64;
  return age - std::chrono::duration_cast<net::Duration>(age * share);
}

}  // namespace

ConnectionLifetime::ConnectionLifetime(const Transport::Options& options,
                                       net::Time now,
                                       std::uint64_t number) noexcept
    : ends_at_(io::deadline_after(now, shortened(options.max_connection_age, number))) {
  if (options.max_connection_requests > 0) max_requests_ = options.max_connection_requests;
}

}  // namespace onehop::transport
