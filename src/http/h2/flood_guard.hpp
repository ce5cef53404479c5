// SPDX-License-Identifier: Apache-2.0
//
// FloodGuard: how much a peer may make us do without getting anything done. Frames that carry
// nothing forward draw on an account that time and real work fill again; streams that end before
// they were answered are counted against those that were opened.
// A plain value; the caller brings the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace onehop::h2 {

class FloodGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Frames without progress that are always allowed, and how many more each second.
  static constexpr std::int64_t kControlFrames = 1000;
  static constexpr std::int64_t kControlFramesPerSecond = 100;
  // Streams after which the share of early ends is looked at, and how long a count lasts.
  static constexpr std::uint32_t kStreams = 200;
  static constexpr std::chrono::seconds kWindow{30};

  // A frame that carries nothing forward. False: that was one too many.
  bool allow_control_frame(Time now) noexcept;
  // Content moved, either way, or a request was answered.
  void note_content(std::size_t byte_count) noexcept;
  void note_answer() noexcept { refill(8); }
  // All there was to send went out, however little: no crumb of the peer's making, whose window
  // had room for more.
  void note_all_sent() noexcept { refill(2); }

  void note_stream(Time now) noexcept;
  // A stream ended by the peer, or through a fault of the peer, before it was answered. False: that
  // is most of them.
  bool allow_early_end() noexcept;

 private:
  void refill(std::int64_t frames) noexcept;

  std::int64_t control_ = kControlFrames;
  Time refilled_{};
  Time window_began_{};
  std::uint32_t streams_ = 0;
  std::uint32_t early_ends_ = 0;
};

}  // namespace onehop::h2
