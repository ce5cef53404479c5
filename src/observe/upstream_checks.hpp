// SPDX-License-Identifier: Apache-2.0
//
// UpstreamChecks: the attempts to connect to the upstream that no request asked for.
// Thread: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace onehop::observe {

struct UpstreamChecks {
  std::atomic<std::uint64_t> succeeded = 0, failed = 0;
};

}  // namespace onehop::observe
