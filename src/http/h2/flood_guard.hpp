// SPDX-License-Identifier: Apache-2.0
//
// FloodGuard limits the work that a peer can cause without making progress. Frames without progress
// draw on an account that time and useful work refill. Streams that end before their response are
// counted against the streams opened.
// A plain value; the caller passes the time.
// Thread: owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace onehop::h2 {

class FloodGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Frames without progress that are always allowed, and how many are added per second.
  static constexpr std::int64_t kControlFrames = 1000;
  static constexpr std::int64_t kControlFramesPerSecond = 100;
  // The number of streams after which the share of early ends is checked, and how long a count
  // lasts.
  static constexpr std::uint32_t kStreams = 200;
  static constexpr std::chrono::seconds kWindow{30};

  // Counts a frame that makes no progress. Returns false if it exceeds the limit.
  bool allow_control_frame(Time now) noexcept;
  // Content moved in either direction, or a request got its response.
  void count_content(std::size_t size) noexcept;
  void count_response() noexcept { refill(8); }
  // Everything to send was sent. Small frames are not the peer's doing then: its window had room
  // for more.
  void count_all_sent() noexcept { refill(2); }

  void count_stream(Time now) noexcept;
  // Counts a stream that ended before its response because of the peer. Returns false if most
  // streams end so.
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
