// SPDX-License-Identifier: Apache-2.0
//
// PastStreams: what became of the latest streams that a client has opened. nghttp2 forgets a stream
// when it is closed (kept for the sake of priorities, closed ones would be most of a connection's
// memory); what a further HEADERS frame on it means depends on how it ended.
// A plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace onehop::h2 {

class PastStreams {
 public:
  // How many are remembered.
  static constexpr std::int32_t kRemembered = 128;

  enum class State : std::uint8_t {
    unused,  // passed over, or so long ago that it is forgotten
    begun,   // the client has not ended it, so that its frames may still be on their way
    ended,   // the client has
  };

  // The highest number so far; 0 when there was none.
  std::int32_t last() const noexcept { return last_; }
  // Numbers are odd. A stream higher than last() passes over those between.
  void begin(std::int32_t id) noexcept;
  void end(std::int32_t id) noexcept;
  State of(std::int32_t id) const noexcept;

 private:
  static std::size_t place_of(std::int32_t id) noexcept {
    return static_cast<std::size_t>(id / 2 % kRemembered);
  }
  bool is_remembered(std::int32_t id) const noexcept {
    return id <= last_ && (last_ - id) / 2 < kRemembered;
  }

  std::array<State, kRemembered> states_{};
  std::int32_t last_ = 0;
};

}  // namespace onehop::h2
