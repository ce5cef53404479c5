// SPDX-License-Identifier: Apache-2.0
//
// H2Windows computes how much content one end of an HTTP/2 connection may send, from the other
// end's frames (RFC 9113 §5.2).
// Thread: owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

namespace onehop::fuzz {

class H2Windows {
 public:
  // Applies SETTINGS_INITIAL_WINDOW_SIZE, which also changes existing streams.
  void set_first(std::uint32_t size) noexcept { first_ = size; }
  // Applies a WINDOW_UPDATE; stream 0 is the connection.
  void widen(std::uint32_t stream, std::uint32_t size) {
    (stream == 0 ? whole_ : of(stream)) += size;
  }
  void use(std::uint32_t stream, std::size_t size) {
    whole_ -= static_cast<std::int64_t>(size);
    of(stream) -= static_cast<std::int64_t>(size);
  }
  // Returns the number of bytes that may be sent, 0 if a window is closed or negative.
  std::size_t room(std::uint32_t stream) {
    const std::int64_t smallest = std::min(whole_, first_ + of(stream));
    return static_cast<std::size_t>(std::max<std::int64_t>(0, smallest));
  }

 private:
  static constexpr std::int64_t kUsual = 65'535;

  std::int64_t& of(std::uint32_t stream) { return changes_[stream]; }

  std::int64_t first_ = kUsual;
  std::int64_t whole_ = kUsual;
  std::map<std::uint32_t, std::int64_t> changes_;  // relative to the initial window of each stream
};

}  // namespace onehop::fuzz
