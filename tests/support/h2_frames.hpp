// SPDX-License-Identifier: Apache-2.0
//
// Frames of HTTP/2 by hand (RFC 9113 §4, §6), and reading them: for peers that do exactly what a
// test says. Header blocks are literals without indexing (RFC 7541 §6.2.2). One thread.
#pragma once

#include <onehop/headers.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::h2_frames {

enum Type : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
};
inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kAck = 1;
inline constexpr std::uint8_t kEndHeaders = 4;
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::string number(std::uint64_t value, int octets) {
  std::string text;
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8)
    text += static_cast<char>((value >> shift) & 0xff);
  return text;
}

inline std::string frame(std::uint8_t type,
                         std::uint8_t flags,
                         std::uint32_t stream,
                         std::string_view payload = {}) {
  std::string text = number(static_cast<std::uint32_t>(payload.size()), 3);
  text += static_cast<char>(type);
  text += static_cast<char>(flags);
  text += number(stream, 4);
  text += payload;
  return text;
}

// Texts of fewer than 127 octets.
inline std::string block(std::initializer_list<Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    text += '\0';
    text += static_cast<char>(field.name.size());
    text += field.name;
    text += static_cast<char>(field.value.size());
    text += field.value;
  }
  return text;
}

// The complete frames at the front of `octets`, which are removed; a preface too.
inline std::vector<Frame> take_frames(std::string& octets) {
  if (octets.starts_with(kPreface)) octets.erase(0, kPreface.size());
  std::vector<Frame> frames;
  const auto at = [&octets](std::size_t i) { return static_cast<unsigned char>(octets[i]); };
  while (octets.size() >= 9) {
    const std::size_t size = (std::size_t{at(0)} << 16U) | (std::size_t{at(1)} << 8U) | at(2);
    if (octets.size() < 9 + size) break;
    Frame one;
    one.type = at(3);
    one.flags = at(4);
    for (std::size_t i = 5; i < 9; ++i)
      one.stream = (one.stream << 8U) | at(i);
    one.payload = octets.substr(9, size);
    octets.erase(0, 9 + size);
    frames.push_back(std::move(one));
  }
  return frames;
}

}  // namespace onehop::h2_frames
