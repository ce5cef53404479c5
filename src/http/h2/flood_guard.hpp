// SPDX-License-Identifier: Apache-2.0
//
// FloodGuard limits the work that a peer can cause without making progress. Frames without progress
// draw on a budget that time and useful work refill. Streams that end before their response are
// compared with the streams opened.
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

  // The budget of frames without progress, and how many are added to it per second.
  static constexpr std::int64_t kControlFrames = 1000;
  static constexpr std::int64_t kControlFramesPerSecond = 100;
  // The number of streams after which the share of early ends is checked, and the time after which
  // both counts begin again.
  static constexpr std::uint32_t kStreams = 200;
  static constexpr std::chrono::seconds kWindow{30};

  // Counts a frame that makes no progress. Returns false if it exceeds the limit.
  bool allow_control_frame(Time now) noexcept;
  // Count progress: content that moved in either direction, or a response to a request.
  void count_content(std::size_t size) noexcept;
  void count_response() noexcept { refill(8); }
  // Counts a frame that sent all waiting content. Its size is not the peer's fault, because the
  // window had room for more.
  void count_all_sent() noexcept { refill(2); }

  void count_stream(Time now) noexcept;
  // Counts a stream that the peer ended before its response. Returns false if most streams end
  // early.
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
