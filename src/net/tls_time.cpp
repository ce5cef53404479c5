// SPDX-License-Identifier: Apache-2.0
#include "net/tls_time.hpp"

#include <algorithm>
#include <ctime>

namespace onehop::net {

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  using std::chrono::sys_seconds;
  constexpr sys_seconds kFirst{};
  constexpr sys_seconds kLast =
      std::chrono::sys_days(std::chrono::year(2200) / std::chrono::January / 1);
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return {};
  return std::clamp(sys_seconds(std::chrono::seconds(::timegm(&fields))), kFirst, kLast);
}

}  // namespace onehop::net
