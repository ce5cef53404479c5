// SPDX-License-Identifier: Apache-2.0
//
// UpstreamAccess is for a program that replaces an Upstream by another, in this process or the
// next. Calls for the same Upstream must not overlap.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

namespace onehop::detail {

struct UpstreamAccess {
  // Closes connections to the endpoints as if they had left the list, and ends the checks. For an
  // Upstream that gets no new requests, but whose requests in progress may keep it for a long time.
  static void retire(Upstream& upstream) noexcept;
  // Ends the health checks and the look-ups of names. The list stays, and only requests change the
  // states of endpoints.
  static void end_checks(Upstream& upstream) noexcept;
};

}  // namespace onehop::detail
