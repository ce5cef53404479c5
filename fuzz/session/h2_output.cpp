// SPDX-License-Identifier: Apache-2.0
#include "h2_output.hpp"

#include "support/h2_frames.hpp"

namespace onehop::fuzz {
namespace {

constexpr std::size_t kFrame = 16384;
constexpr std::uint8_t kPriority = 2;
constexpr std::uint8_t kContinuation = 9;
constexpr std::uint32_t kEnableConnect = 8;
constexpr std::uint32_t kInitialWindow = 4;
constexpr std::uint32_t kLargeWindow = 0x4000'0000;

}  // namespace

std::string first_settings(bool generous) {
  std::string settings = h2_frames::number(kEnableConnect, 2) + h2_frames::number(1, 4);
  if (!generous) return h2_frames::frame(h2_frames::settings, 0, 0, settings);
  settings += h2_frames::number(kInitialWindow, 2) + h2_frames::number(kLargeWindow, 4);
  return h2_frames::frame(h2_frames::settings, 0, 0, settings) +
         h2_frames::frame(h2_frames::window_update, 0, 0, h2_frames::number(kLargeWindow, 4));
}

std::string head_frames(std::uint32_t stream, bool ends, std::string_view block, bool in_pieces) {
  const std::uint8_t end = ends ? h2_frames::kEndStream : 0;
  if (!in_pieces)
    return h2_frames::frame(h2_frames::headers, end | h2_frames::kEndHeaders, stream, block);
  const std::size_t half = block.size() / 2;
  return h2_frames::frame(h2_frames::headers, end, stream, block.substr(0, half)) +
         h2_frames::frame(kContinuation, 0, stream) +
         h2_frames::frame(kContinuation, h2_frames::kEndHeaders, stream, block.substr(half));
}

std::string data_frames(std::uint32_t stream, std::string_view content, bool ends) {
  std::string frames;
  do {
    const std::string_view piece = content.substr(0, kFrame);
    content.remove_prefix(piece.size());
    const std::uint8_t end = ends && content.empty() ? h2_frames::kEndStream : 0;
    frames += h2_frames::frame(h2_frames::data, end, stream, piece);
  } while (!content.empty());
  return frames;
}

std::string control_frame(const Action& action, std::uint32_t stream) {
  switch (action.at(0) % 5) {
    case 0:
      return h2_frames::frame(h2_frames::ping, 0, 0, "01234567");
    case 1:
      return h2_frames::frame(h2_frames::window_update, 0, action.has_bit(1, 7) ? stream : 0,
                              h2_frames::number(1U << (action.at(1) % 20U), 4));
    case 2:
      return h2_frames::frame(kPriority, 0, stream != 0 ? stream : 1,
                              h2_frames::number(0, 4) + std::string(1, '\x10'));
    case 3:
      return h2_frames::frame(h2_frames::settings, 0, 0);
    default:
      return h2_frames::frame(0xe0, action.at(1), stream, action.data);
  }
}

bool is_reset(const Action& action) noexcept {
  return (action.choice & 1U) == 0 && action.at(0) % 2 == 0;
}

std::string reset_frame(const Action& action, std::uint32_t stream) {
  return h2_frames::frame(h2_frames::rst_stream, 0, stream,
                          h2_frames::number(action.at(1) % 16U, 4));
}

std::string odd_frame(const Action& action, std::uint32_t stream) {
  const std::string_view payload = action.data.substr(std::min<std::size_t>(3, action.data.size()));
  const std::uint32_t of = action.has_bit(2, 7) ? action.at(2) & 0x7fU : stream;
  return h2_frames::frame(action.at(0) % 12, action.at(1), of, payload);
}

}  // namespace onehop::fuzz
