// SPDX-License-Identifier: Apache-2.0
//
// Writes and reads HTTP/2 frames by hand (RFC 9113 §4, §6), for scripted peers. Header blocks are
// literals without indexing (RFC 7541 §6.2.2).
// Thread: owner.
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
inline constexpr std::size_t kFirstWindow = 65'535;  // RFC 9113 section 6.9.2
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::string number(std::uint64_t value, int data) {
  std::string text;
  for (int shift = 8 * (data - 1); shift >= 0; shift -= 8)
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

// Encodes an HPACK integer (RFC 7541 §5.1) with a prefix of seven bits.
inline std::string hpack_length(std::size_t size) {
  constexpr std::size_t kMax = 127;
  if (size < kMax) return std::string(1, static_cast<char>(size));
  std::string text(1, static_cast<char>(kMax));
  for (size -= kMax; size >= 128; size /= 128)
    text += static_cast<char>(size % 128 + 128);
  return text + static_cast<char>(size);
}

inline std::string block(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    text += '\0';
    text += hpack_length(field.name.size());
    text += field.name;
    text += hpack_length(field.value.size());
    text += field.value;
  }
  return text;
}
inline std::string block(std::initializer_list<Field> fields) {
  return block(std::vector<Field>(fields));
}

// Encodes a header block of any size as HEADERS and as many CONTINUATION frames as needed.
inline std::string head(std::uint32_t stream, std::string_view block, bool end) {
  constexpr std::size_t kMax = 16'384;
  std::string text;
  std::uint8_t flags = end ? kEndStream : 0;
  for (std::uint8_t type = headers; type == headers || !block.empty(); type = continuation) {
    const std::string_view piece = block.substr(0, kMax);
    block.remove_prefix(piece.size());
    if (block.empty()) flags |= kEndHeaders;
    text += frame(type, flags, stream, piece);
    flags = 0;
  }
  return text;
}

// Removes and returns the complete frames at the front of `data`, after an optional preface.
inline std::vector<Frame> take_frames(std::string& data) {
  if (data.starts_with(kPreface)) data.erase(0, kPreface.size());
  std::vector<Frame> frames;
  const auto at = [&data](std::size_t i) { return static_cast<unsigned char>(data[i]); };
  while (data.size() >= 9) {
    const std::size_t size = (std::size_t{at(0)} << 16U) | (std::size_t{at(1)} << 8U) | at(2);
    if (data.size() < 9 + size) break;
    Frame one;
    one.type = at(3);
    one.flags = at(4);
    for (std::size_t i = 5; i < 9; ++i)
      one.stream = (one.stream << 8U) | at(i);
    one.payload = data.substr(9, size);
    data.erase(0, 9 + size);
    frames.push_back(std::move(one));
  }
  return frames;
}

}  // namespace onehop::h2_frames
