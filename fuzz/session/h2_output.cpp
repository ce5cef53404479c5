// SPDX-License-Identifier: Apache-2.0
#include "h2_output.hpp"

#include "support/h2_frames.hpp"

#include <algorithm>

namespace onehop::fuzz {
namespace {

constexpr std::size_t kFrame = 16384;
constexpr std::uint8_t kPriority = 2;
constexpr std::uint8_t kContinuation = 9;
constexpr std::uint32_t kEnableConnect = 8;
constexpr std::uint32_t kInitialWindow = 4;

}  // namespace

std::string first_settings(Windows windows) {
  std::string settings = h2_frames::number(kEnableConnect, 2) + h2_frames::number(1, 4);
  if (windows == Windows::usual) return h2_frames::frame(h2_frames::settings, 0, 0, settings);
  const std::uint32_t first = windows == Windows::wide ? kLargeWindow : 0;
  settings += h2_frames::number(kInitialWindow, 2) + h2_frames::number(first, 4);
  settings = h2_frames::frame(h2_frames::settings, 0, 0, settings);
  if (windows == Windows::shut) return settings;
  return settings + window_update(0, kLargeWindow);
}

std::string opened_windows() {
  return h2_frames::frame(
             h2_frames::settings, 0, 0,
             h2_frames::number(kInitialWindow, 2) + h2_frames::number(kLargeWindow, 4)) +
         window_update(0, kLargeWindow);
}

std::string opening(const Action& action, H2Messages& messages) {
  if (action.at(0) % 4 == 0) return messages.take_updates();
  const std::uint32_t kSizes[] = {1, 1U + action.at(2), 16'384};
  const std::uint32_t size = kSizes[action.at(0) % 4 - 1];
  if (action.has_bit(1, 0)) return window_update(0, size);
  std::uint32_t stream = 0;  // the latest, or another
  std::size_t before = action.at(1) / 2U % std::max<std::size_t>(1, messages.streams().size());
  for (const auto& [id, message] : messages.streams()) {
    if (!message.ended && !message.reset) stream = id;
    if (stream != 0 && before-- == 0) break;
  }
  return stream == 0 ? "" : window_update(stream, size);
}

std::string answers_of(H2Messages& messages, Windows windows) {
  if (windows == Windows::wide) return messages.take_answers();
  return windows == Windows::shut ? messages.take_replies() : "";
}

std::string window_update(std::uint32_t stream, std::uint32_t size) {
  return h2_frames::frame(h2_frames::window_update, 0, stream, h2_frames::number(size, 4));
}

std::string goaway_frame(std::uint32_t last, std::uint32_t code) {
  return h2_frames::frame(h2_frames::goaway, 0, 0,
                          h2_frames::number(last, 4) + h2_frames::number(code, 4));
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

std::uint32_t reset_code(const Action& action) noexcept {
  return action.at(1) % 16U;
}

std::string reset_frame(const Action& action, std::uint32_t stream) {
  return h2_frames::frame(h2_frames::rst_stream, 0, stream,
                          h2_frames::number(reset_code(action), 4));
}

std::string odd_frame(const Action& action, std::uint32_t stream) {
  const std::string_view payload = action.data.substr(std::min<std::size_t>(3, action.data.size()));
  const std::uint32_t of = action.has_bit(2, 7) ? action.at(2) & 0x7fU : stream;
  return h2_frames::frame(action.at(0) % 12, action.at(1), of, payload);
}

}  // namespace onehop::fuzz
