// SPDX-License-Identifier: Apache-2.0

#include "http/h2/flood_guard.hpp"

#include <algorithm>

namespace onehop::h2 {
namespace {

// A DATA frame with fewer bytes counts as empty.
constexpr std::size_t kWorthAFrame = 16;

}  // namespace

void FloodGuard::refill(std::int64_t frames) noexcept {
  control_ = std::min(control_ + frames, kControlFrames);
}

bool FloodGuard::allow_control_frame(Time now) noexcept {
  if (--control_ >= 0) return true;
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - refilled_);
  refilled_ = now;
  refill(1 + std::min<std::int64_t>(passed.count(), 60'000) * kControlFramesPerSecond / 1000);
  return --control_ >= 0;
}

void FloodGuard::count_content(std::size_t size) noexcept {
  if (size >= kWorthAFrame) refill(2);
}

void FloodGuard::count_stream(Time now) noexcept {
  if (now - window_began_ > kWindow) {
    window_began_ = now;
    streams_ = early_ends_ = 0;
  }
  ++streams_;
}

bool FloodGuard::allow_early_end() noexcept {
  ++early_ends_;
  return streams_ < kStreams || early_ends_ <= streams_ / 2;
}

}  // namespace onehop::h2
