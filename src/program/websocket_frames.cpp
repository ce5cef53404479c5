// SPDX-License-Identifier: Apache-2.0
#include "program/websocket_frames.hpp"

#include "base/utf8.hpp"

#include <utility>

namespace onehop::program {
namespace {

constexpr std::uint8_t kContinuation = 0;
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kBinary = 2;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kNotText = 1007;
constexpr std::uint16_t kTooBig = 1009;

constexpr std::size_t kMaskSize = 4;
constexpr std::size_t kLargestControl = 125;

bool is_control(std::uint8_t opcode) {
  return (opcode & 8U) != 0;
}

std::uint64_t number_in(std::string_view data) {
  std::uint64_t number = 0;
  for (const char c : data)
    number = (number << 8U) | static_cast<unsigned char>(c);
  return number;
}

void append_number(std::string& out, std::uint64_t number, int data) {
  for (int shift = 8 * (data - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((number >> shift) & 0xffU);
  }
}

// Appends a whole, unmasked message.
void append_frame(std::string& out, std::uint8_t opcode, std::string_view payload) {
  out += static_cast<char>(0x80U | opcode);
  if (payload.size() < 126) {
    append_number(out, payload.size(), 1);
  } else if (payload.size() < 65536) {
    out += static_cast<char>(126);
    append_number(out, payload.size(), 2);
  } else {
    out += static_cast<char>(127);
    append_number(out, payload.size(), 8);
  }
  out += payload;
}

// Reports whether a peer may send this code (§7.4.1, §7.4.2).
bool is_close_code(std::uint64_t code) {
  if (code >= 3000 && code < 5000) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

void WebSocketFrames::receive(std::string_view data, std::string& answer) {
  if (ended_) return;
  received_ += data;
  while (receive_frame(answer)) {
  }
  received_.erase(0, std::exchange(at_, 0));
}

bool WebSocketFrames::receive_frame(std::string& answer) {
  Header header{};
  if (!read_header(header, answer) || !check(header, answer)) return false;
  if (rest().size() - header.size < header.length) return false;
  const std::string payload = take_payload(header);
  if (is_control(header.opcode)) {
    on_control(header, payload, answer);
  } else {
    on_data(header, payload, answer);
  }
  return !ended_;
}

bool WebSocketFrames::read_header(Header& header, std::string& answer) {
  const std::string_view data = rest();
  if (data.size() < 2) return false;
  const auto first = static_cast<unsigned char>(data[0]);
  const auto second = static_cast<unsigned char>(data[1]);
  const bool is_masked = (second & 0x80U) != 0;
  const bool has_reserved_bits = (first & 0x70U) != 0;
  if (!is_masked || has_reserved_bits) {
    end(kProtocolError, answer);
    return false;
  }
  header.is_last = (first & 0x80U) != 0;
  header.opcode = first & 0x0fU;
  header.length = second & 0x7fU;
  std::size_t extended = 0;
  if (header.length == 126) extended = 2;
  if (header.length == 127) extended = 8;
  header.size = 2 + extended + kMaskSize;
  if (data.size() < header.size) return false;
  if (extended > 0) header.length = number_in(data.substr(2, extended));
  header.mask_at = static_cast<std::uint32_t>(2 + extended);
  return true;
}

// Checks everything that is known before the payload arrives.
bool WebSocketFrames::check(const Header& header, std::string& answer) {
  if (is_control(header.opcode)) {
    const bool is_known =
        header.opcode == kClose || header.opcode == kPing || header.opcode == kPong;
    if (is_known && header.is_last && header.length <= kLargestControl) return true;
    end(kProtocolError, answer);
    return false;
  }
  const bool in_message = message_opcode_ != 0;
  const bool begins = header.opcode == kText || header.opcode == kBinary;
  const bool continues = header.opcode == kContinuation;
  if ((begins && in_message) || (continues && !in_message) || (!begins && !continues)) {
    end(kProtocolError, answer);
    return false;
  }
  if (header.length > kLargestMessage - message_.size()) {
    end(kTooBig, answer);
    return false;
  }
  return true;
}

std::string WebSocketFrames::take_payload(const Header& header) {
  const auto length = static_cast<std::size_t>(header.length);
  const std::string_view data = rest();
  std::string payload(data.substr(header.size, length));
  for (std::size_t i = 0; i < length; ++i) {
    const auto mask = static_cast<unsigned char>(data[header.mask_at + i % kMaskSize]);
    payload[i] = static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask);
  }
  at_ += header.size + length;
  return payload;
}

void WebSocketFrames::on_control(const Header& header,
                                 const std::string& payload,
                                 std::string& answer) {
  if (header.opcode == kPing) append_frame(answer, kPong, payload);
  if (header.opcode == kClose) on_close(payload, answer);
}

void WebSocketFrames::on_data(const Header& header,
                              const std::string& payload,
                              std::string& answer) {
  if (header.opcode != kContinuation) message_opcode_ = header.opcode;
  message_ += payload;
  if (!header.is_last) return;
  if (message_opcode_ == kText && !is_utf8(message_)) {
    end(kNotText, answer);
    return;
  }
  append_frame(answer, message_opcode_, message_);
  message_.clear();
  message_opcode_ = 0;
}

void WebSocketFrames::on_close(const std::string& payload, std::string& answer) {
  if (payload.empty()) {
    append_frame(answer, kClose, {});
    ended_ = true;
    return;
  }
  const std::uint64_t code = number_in(std::string_view(payload).substr(0, 2));
  if (payload.size() < 2 || !is_close_code(code)) {
    end(kProtocolError, answer);
  } else if (!is_utf8(std::string_view(payload).substr(2))) {
    end(kNotText, answer);
  } else {
    end(static_cast<std::uint16_t>(code), answer);
  }
}

void WebSocketFrames::end(std::uint16_t code, std::string& answer) {
  std::string payload;
  append_number(payload, code, 2);
  append_frame(answer, kClose, payload);
  ended_ = true;
}

}  // namespace onehop::program
