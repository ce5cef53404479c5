// SPDX-License-Identifier: Apache-2.0
//
// The state of renewals as other components see it.
// Thread: any; constant.
#pragma once

#include "acme/renewal.hpp"
#include "acme/times.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace onehop::acme {

// The state of a name, for people and for metrics.
struct SiteStatus {
  std::string name;
  std::string sha256;            // of the certificate that is served
  bool has_certificate = false;  // one that is not only self-signed
  WallTime not_before;
  WallTime not_after;
  std::string authority;  // the host of its URL
  std::optional<WallTime> renew_at;
  Urgency urgency = Urgency::none;  // how urgent a renewal is that is overdue
  unsigned failures = 0;
  std::string problem;
  std::optional<WallTime> next_attempt;
};

// Returns "acme-v02.api.letsencrypt.org" for the URL of a directory there.
std::string shown_authority(const std::string& directory);

struct RenewerCounts {
  std::uint64_t obtained = 0;  // certificates
  std::uint64_t failed = 0;    // attempts
};

}  // namespace onehop::acme
