// SPDX-License-Identifier: Apache-2.0
#include "support/h2_peer.hpp"

#include <stdexcept>
#include <utility>

#include <nghttp2/nghttp2.h>

namespace onehop::test {
namespace {

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

// HPACK keeps one table per connection.
struct H2Peer::Inflater {
  Inflater() {
    if (nghttp2_hd_inflate_new(&state) != 0) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { nghttp2_hd_inflate_del(state); }

  Lines lines_of(std::string_view block) const {
    Lines lines;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    const std::uint8_t* const end = at + block.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field{};
      const auto left = static_cast<std::size_t>(end - at);
      const auto taken = nghttp2_hd_inflate_hd2(state, &field, &flags, at, left, 1);
      if (taken < 0) throw std::runtime_error("a header block that cannot be read");
      at += taken;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        lines.emplace_back(text_of(field.name, field.namelen),
                           text_of(field.value, field.valuelen));
    }
    nghttp2_hd_inflate_end_headers(state);
    return lines;
  }

  nghttp2_hd_inflater* state = nullptr;
};

H2Peer::H2Peer() : inflater_(std::make_unique<Inflater>()) {}
H2Peer::~H2Peer() = default;

void H2Peer::take(std::string_view data) {
  data_ += data;
  for (const h2_frames::Frame& frame : h2_frames::take_frames(data_))
    take(frame);
}

void H2Peer::take(const h2_frames::Frame& frame) {
  Message& message = streams_[frame.stream];
  switch (frame.type) {
    case h2_frames::settings:
      if ((frame.flags & h2_frames::kAck) == 0)
        replies_ += h2_frames::frame(h2_frames::settings, h2_frames::kAck, 0);
      break;
    case h2_frames::ping:
      if ((frame.flags & h2_frames::kAck) == 0)
        replies_ += h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, frame.payload);
      break;
    case h2_frames::headers:
    case h2_frames::continuation:
      if (frame.type == h2_frames::headers)
        block_ends_stream_ = (frame.flags & h2_frames::kEndStream) != 0;
      block_ += frame.payload;
      if ((frame.flags & h2_frames::kEndHeaders) != 0)
        take_block(frame.stream, std::exchange(block_, {}), block_ends_stream_);
      break;
    case h2_frames::data:
      message.body += frame.payload;
      message.ended = message.ended || (frame.flags & h2_frames::kEndStream) != 0;
      if (!frame.payload.empty()) {
        const auto room = h2_frames::number(static_cast<std::uint32_t>(frame.payload.size()), 4);
        replies_ += h2_frames::frame(h2_frames::window_update, 0, 0, room);
      }
      break;
    case h2_frames::rst_stream:
      message.reset = 0;
      for (const char c : frame.payload)
        message.reset = (*message.reset << 8U) | static_cast<unsigned char>(c);
      break;
    case h2_frames::goaway:
      goodbye_ = true;
      break;
    default:
      break;
  }
}

void H2Peer::take_block(std::uint32_t stream, std::string_view block, bool end) {
  Message& message = streams_[stream];
  Lines lines = inflater_->lines_of(block);
  message.ended = message.ended || end;
  if (value_of(lines, ":status").starts_with('1')) return;
  (message.has_head ? message.trailers : message.head) = std::move(lines);
  message.has_head = true;
}

std::string H2Peer::replies() {
  return std::exchange(replies_, {});
}

}  // namespace onehop::test
