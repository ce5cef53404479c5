// SPDX-License-Identifier: Apache-2.0
#include "h2_messages.hpp"

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "support/h2_frames.hpp"

#include <nghttp2/nghttp2.h>

namespace onehop::fuzz {
namespace {

constexpr std::size_t kFrameHeader = 9;
constexpr std::uint8_t kContinuation = 9;
constexpr std::uint8_t kPadded = 8;
constexpr std::uint8_t kPriority = 0x20;

std::uint32_t number_at(std::string_view text, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i)
    number = (number << 8U) | static_cast<std::uint8_t>(text[at + i]);
  return number;
}

bool is_for_one_hop(std::string_view name) {
  for (const std::string_view each :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    if (name == each) return true;
  }
  return false;
}

void set_first_window(std::string_view settings, H2Windows& windows) {
  constexpr std::size_t kSetting = 6;
  constexpr std::uint32_t kInitialWindowSize = 4;
  for (; settings.size() >= kSetting; settings.remove_prefix(kSetting)) {
    if (number_at(settings, 0, 2) == kInitialWindowSize)
      windows.set_first(number_at(settings, 2, 4));
  }
}

// Checks the rules of RFC 9113 §8.2.
void check_fields(const H2Message::Fields& fields) {
  bool regular = false;
  for (const auto& [name, value] : fields) {
    const bool pseudo = name.starts_with(':');
    ONEHOP_CHECK(!(pseudo && regular));
    regular = regular || !pseudo;
    ONEHOP_CHECK(ascii::is_token(pseudo ? std::string_view(name).substr(1) : name));
    for (const char c : name)
      ONEHOP_CHECK(c < 'A' || c > 'Z');
    ONEHOP_CHECK(ascii::is_field_value(value) && ascii::trim_blanks(value) == value);
    ONEHOP_CHECK(!is_for_one_hop(name));
    if (name == "te") ONEHOP_CHECK(value == "trailers");
  }
}

}  // namespace

std::string_view H2Message::field(std::string_view name) const noexcept {
  for (const auto& [each, value] : head) {
    if (each == name) return value;
  }
  return {};
}

struct H2Messages::Inflater {
  Inflater() { ONEHOP_CHECK(nghttp2_hd_inflate_new(&inflater) == 0); }
  ~Inflater() { nghttp2_hd_inflate_del(inflater); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  H2Message::Fields inflate(const std::string& block);

  nghttp2_hd_inflater* inflater = nullptr;
};

H2Message::Fields H2Messages::Inflater::inflate(const std::string& block) {
  H2Message::Fields fields;
  const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, 1);
    ONEHOP_CHECK(used >= 0);
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      fields.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    ONEHOP_CHECK((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 || left > 0);
  }
  ONEHOP_CHECK(left == 0);
  nghttp2_hd_inflate_end_headers(inflater);
  return fields;
}

H2Messages::H2Messages() : inflater_(std::make_unique<Inflater>()) {}
H2Messages::~H2Messages() = default;

void H2Messages::receive(std::string_view data) {
  data_ += data;
  std::string_view rest = data_;
  if (!begun_ && rest.starts_with(h2_frames::kPreface))
    rest.remove_prefix(h2_frames::kPreface.size());
  while (rest.size() >= kFrameHeader) {
    const std::size_t size = number_at(rest, 0, 3);
    ONEHOP_CHECK(size <= 16384);  // the default maximum
    if (rest.size() < kFrameHeader + size) break;
    const Frame frame{static_cast<std::uint8_t>(rest[3]), static_cast<std::uint8_t>(rest[4]),
                      number_at(rest, 5, 4) & 0x7fffffffU, rest.substr(kFrameHeader, size)};
    ONEHOP_CHECK(begun_ || frame.type == h2_frames::settings);
    begun_ = true;
    on_frame(frame);
    rest.remove_prefix(kFrameHeader + size);
  }
  data_ = std::string(rest);
}

void H2Messages::on_frame(const Frame& frame) {
  ONEHOP_CHECK(block_of_ == 0 || (frame.type == kContinuation && frame.stream == block_of_));
  switch (frame.type) {
    case h2_frames::headers:
    case kContinuation:
      ONEHOP_CHECK(frame.stream != 0 && (frame.flags & (kPadded | kPriority)) == 0);
      if (frame.type == h2_frames::headers) {
        block_.clear();
        block_of_ = frame.stream;
        block_ends_ = (frame.flags & h2_frames::kEndStream) != 0;
      }
      ONEHOP_CHECK(block_of_ == frame.stream);
      block_ += frame.payload;
      if ((frame.flags & h2_frames::kEndHeaders) == 0) return;
      block_of_ = 0;
      on_block(frame.stream, block_ends_, block_);
      return;
    case h2_frames::data:
      return on_data(frame);
    case h2_frames::rst_stream:
      ONEHOP_CHECK(frame.stream != 0 && frame.payload.size() == 4);
      streams_[frame.stream].reset = true;
      return;
    case h2_frames::settings:
      return on_settings(frame);
    case h2_frames::ping:
      ONEHOP_CHECK(frame.stream == 0 && frame.payload.size() == 8);
      if (frame.flags == 0) replies_ += h2_frames::frame(h2_frames::ping, 1, 0, frame.payload);
      return;
    case h2_frames::goaway:
      ONEHOP_CHECK(frame.stream == 0 && frame.payload.size() >= 8);
      goaway_ = true;
      return;
    case h2_frames::window_update:
      ONEHOP_CHECK(frame.payload.size() == 4);
      taken_.widen(frame.stream, number_at(frame.payload, 0, 4));
      return;
    default:
      return;
  }
}

void H2Messages::on_settings(const Frame& frame) {
  ONEHOP_CHECK(frame.stream == 0 && frame.payload.size() % 6 == 0);
  if ((frame.flags & h2_frames::kAck) != 0) {
    is_acknowledged_ = true;
    return;
  }
  replies_ += h2_frames::frame(h2_frames::settings, h2_frames::kAck, 0);
  set_first_window(frame.payload, taken_);
}

void H2Messages::record_sent(std::string_view data) {
  sent_ += data;
  for (const h2_frames::Frame& each : h2_frames::take_frames(sent_)) {
    if (each.type == h2_frames::settings) set_first_window(each.payload, granted_);
    if (each.type == h2_frames::window_update && each.payload.size() == 4)
      granted_.widen(each.stream, number_at(each.payload, 0, 4));
  }
}

void H2Messages::check_window(std::uint32_t stream, std::size_t size) {
  // Before that, the proxy did not know our SETTINGS.
  if (checks_windows_ && is_acknowledged_) ONEHOP_CHECK(size <= granted_.room(stream));
  granted_.use(stream, size);
}

void H2Messages::on_data(const Frame& frame) {
  ONEHOP_CHECK(frame.stream != 0 && (frame.flags & kPadded) == 0);
  H2Message& message = streams_[frame.stream];
  ONEHOP_CHECK(message.has_head() && !message.ended && !message.reset);
  check_window(frame.stream, frame.payload.size());
  message.content += frame.payload;
  message.ended = (frame.flags & h2_frames::kEndStream) != 0;
  const auto size = static_cast<std::uint32_t>(frame.payload.size());
  if (size == 0) return;
  for (const std::uint32_t stream : {0U, frame.stream}) {
    if (stream != 0 && message.ended) continue;
    updates_ += h2_frames::frame(h2_frames::window_update, 0, stream, h2_frames::number(size, 4));
  }
}

void H2Messages::on_block(std::uint32_t stream, bool ends, const std::string& block) {
  H2Message::Fields fields = inflater_->inflate(block);
  check_fields(fields);
  H2Message& message = streams_[stream];
  ONEHOP_CHECK(!message.ended && !message.reset);
  message.ended = ends;
  if (message.has_head()) {
    ONEHOP_CHECK(ends);
    message.trailers = std::move(fields);
    return;
  }
  ONEHOP_CHECK(!fields.empty() && fields.front().first.starts_with(':'));
  const bool informational = fields.front().first == ":status" && fields.front().second[0] == '1';
  if (informational) {
    ONEHOP_CHECK(!ends);
    ++message.informational;
    return;
  }
  message.head = std::move(fields);
}

}  // namespace onehop::fuzz
