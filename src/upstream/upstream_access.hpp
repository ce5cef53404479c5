// SPDX-License-Identifier: Apache-2.0
//
// UpstreamAccess: an Upstream, as a program sees it that has another one in its place.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

namespace onehop::detail {

struct UpstreamAccess {
  // It gets no new requests, but those in progress may keep it for long: connections to its
  // endpoints are closed as if they had left its list.
  static void retire(Upstream& upstream) noexcept;
};

}  // namespace onehop::detail
