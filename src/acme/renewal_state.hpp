// SPDX-License-Identifier: Apache-2.0
//
// RenewalState is stored for a name beside its certificate, so that processes that share a store,
// at the same time or one after the other, renew at the same time. Thread: owner.
#pragma once

#include "acme/messages.hpp"
#include "acme/times.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace onehop::acme {

struct RenewalState {
  std::string authority;             // the URL of its directory; "" if it is not known
  std::string certificate;           // the fingerprint of the certificate that the state is about
  std::optional<WallTime> obtained;  // by this machine's clock; none if another program obtained it
  std::optional<WallTime> renew_at;  // chosen once for each certificate or window
  std::optional<RenewalWindow> window;
  std::optional<WallTime> next_advice;
  unsigned failures = 0;                 // in a row
  std::optional<WallTime> last_attempt;  // the last one that failed
  std::optional<WallTime> next_attempt;
  std::string problem;  // why the last attempt failed

  std::string to_json() const;
  // Ignores members that are not well-formed; none of them is required.
  static RenewalState parse(std::string_view json);
};

}  // namespace onehop::acme
