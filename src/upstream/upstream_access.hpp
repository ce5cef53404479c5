// SPDX-License-Identifier: Apache-2.0
//
// UpstreamAccess: an Upstream, as a program sees it that has another one in its place, in this
// process or the next.
// Two calls for one Upstream are never at the same time.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

namespace onehop::detail {

struct UpstreamAccess {
  // It gets no new requests, but those in progress may keep it for long: connections to its
  // endpoints are closed as if they had left its list, and its checks end.
  static void retire(Upstream& upstream) noexcept;
  // Ends its health checks and the look-ups of its names: the list stays, and only requests change
  // the states of endpoints.
  static void end_checks(Upstream& upstream) noexcept;
};

}  // namespace onehop::detail
