// SPDX-License-Identifier: Apache-2.0
//
// RenewalState: what is kept of a name beside its certificate, so that processes that share a
// store, and those that come after each other, do the same at the same time. Thread: owner.
#pragma once

#include "acme/messages.hpp"
#include "acme/times.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace onehop::acme {

struct RenewalState {
  std::string authority;             // the URL of its directory; "" if it is not known
  std::string certificate;           // the fingerprint of the one that all of this is about
  std::optional<WallTime> obtained;  // by the clock of this machine; none if another program did
  std::optional<WallTime> renew_at;  // chosen once for each certificate or window
  std::optional<RenewalWindow> window;
  std::optional<WallTime> next_advice;
  unsigned failures = 0;                 // in a row
  std::optional<WallTime> last_attempt;  // of the failed ones
  std::optional<WallTime> next_attempt;
  std::string problem;  // of the last attempt

  std::string to_json() const;
  // Members that are not well-formed are left out: none of them is needed.
  static RenewalState parse(std::string_view json);
};

}  // namespace onehop::acme
