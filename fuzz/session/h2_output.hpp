// SPDX-License-Identifier: Apache-2.0
//
// Writes the frames that both ends of a fuzzed HTTP/2 connection send for the actions of a script.
// Thread: any.
#pragma once

#include "h2_messages.hpp"
#include "script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// Selects how a peer enlarges its windows.
enum class Windows : std::uint8_t {
  wide,   // they never close
  usual,  // the protocol's initial windows
  shut,   // the windows of streams stay closed until opening()
};
std::string first_settings(Windows windows);
// Returns frames after which the windows never close.
std::string opened_windows();
// Returns a frame that enlarges the window of a stream or of the connection by one byte, a few
// bytes, or the size received.
std::string opening(const Action& action, H2Messages& messages);
// Returns the reply of a peer with such windows to the frames that it has received.
std::string answers_of(H2Messages& messages, Windows windows);
// Returns a frame that allows `size` more bytes of content; stream 0 is the connection.
std::string window_update(std::uint32_t stream, std::uint32_t size);
// Exceeds the content of any run.
inline constexpr std::uint32_t kLargeWindow = 0x4000'0000;
// Returns a GOAWAY: streams above `last` are not processed.
std::string goaway_frame(std::uint32_t last, std::uint32_t code);
// Returns HEADERS, split into CONTINUATION frames if `in_pieces`.
std::string head_frames(std::uint32_t stream, bool ends, std::string_view block, bool in_pieces);
std::string data_frames(std::uint32_t stream, std::string_view content, bool ends);

// Returns a valid PING, WINDOW_UPDATE, PRIORITY, SETTINGS or unknown frame.
std::string control_frame(const Action& action, std::uint32_t stream);
// Reports whether the action is a reset, which is rude but valid.
bool is_reset(const Action& action) noexcept;
std::uint32_t reset_code(const Action& action) noexcept;
std::string reset_frame(const Action& action, std::uint32_t stream);
// Returns a frame of any type, with any flags and payload.
std::string odd_frame(const Action& action, std::uint32_t stream);

}  // namespace onehop::fuzz
