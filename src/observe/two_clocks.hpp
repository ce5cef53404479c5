// SPDX-License-Identifier: Apache-2.0
//
// TwoClocks is one moment by two clocks. It converts times of the event loops to wall times.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include <chrono>

namespace onehop::observe {

struct TwoClocks {
  using WallTime = std::chrono::system_clock::time_point;

  WallTime wall = std::chrono::system_clock::now();
  Time steady = std::chrono::steady_clock::now();

  WallTime wall_time(Time at) const noexcept {
    return wall - std::chrono::duration_cast<WallTime::duration>(steady - at);
  }
};

}  // namespace onehop::observe
