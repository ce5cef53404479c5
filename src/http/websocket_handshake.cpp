// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_handshake.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace onehop {
namespace {

using Digest = std::array<std::uint8_t, 20>;
constexpr std::size_t kBlock = 64;

// The message padded with a one bit, zeros, and its length in bits (RFC 3174 §4).
std::string padded(std::string_view message) {
  std::string text(message);
  text += '\x80';
  while (text.size() % kBlock != kBlock - 8)
    text += '\0';
  const std::uint64_t bits = std::uint64_t{message.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8)
    text += static_cast<char>((bits >> shift) & 0xffU);
  return text;
}

std::uint32_t word_at(const char* data) {
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i)
    word = (word << 8U) | static_cast<unsigned char>(data[i]);
  return word;
}

void add_block(std::array<std::uint32_t, 5>& state, const char* block) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t t = 0; t < 16; ++t)
    w[t] = word_at(block + 4 * t);
  for (std::size_t t = 16; t < 80; ++t) {
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (std::size_t t = 0; t < 80; ++t) {
    std::uint32_t f = 0;
    if (t < 20) {
      f = ((b & c) | (~b & d)) + 0x5a827999;
    } else if (t < 40) {
      f = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (t < 60) {
      f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    } else {
      f = (b ^ c ^ d) + 0xca62c1d6;
    }
    const std::uint32_t next = std::rotl(a, 5) + f + e + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

// RFC 3174. The handshake uses it as a fingerprint, not for security.
Digest sha1(std::string_view message) {
  std::array<std::uint32_t, 5> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::string text = padded(message);
  for (std::size_t at = 0; at < text.size(); at += kBlock)
    add_block(state, text.data() + at);
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

// 20 bytes are six groups of three and one of two (RFC 4648 §4).
std::string base64(const Digest& digest) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < digest.size(); i += 3) {
    const bool is_last = i + 2 >= digest.size();
    const std::uint32_t group = (std::uint32_t{digest[i]} << 16U) |
                                (std::uint32_t{digest[i + 1]} << 8U) |
                                (is_last ? 0U : std::uint32_t{digest[i + 2]});
    text += kAlphabet[(group >> 18U) & 63U];
    text += kAlphabet[(group >> 12U) & 63U];
    text += kAlphabet[(group >> 6U) & 63U];
    text += is_last ? '=' : kAlphabet[group & 63U];
  }
  return text;
}

}  // namespace

bool is_websocket_handshake(const Request& request) {
  constexpr std::size_t kKeySize = 24;  // 16 bytes in base64
  const Headers& headers = request.headers();
  return request.method() == Method::get && headers.has_token("Upgrade", "websocket") &&
         headers.get_or_empty("Sec-WebSocket-Version") == "13" &&
         headers.get_or_empty("Sec-WebSocket-Key").size() == kKeySize;
}

std::string websocket_accept(std::string_view key) {
  return base64(sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

}  // namespace onehop
