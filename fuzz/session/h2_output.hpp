// SPDX-License-Identifier: Apache-2.0
//
// The frames that both ends of a fuzzed HTTP/2 connection send for the actions of a script.
// Thread: any.
#pragma once

#include "h2_messages.hpp"
#include "script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// How a peer enlarges its windows.
enum class Windows : std::uint8_t {
  wide,   // they never close
  usual,  // the protocol's initial windows
  shut,   // those of streams are, until opening()
};
std::string first_settings(Windows windows);
// The windows never close after these frames.
std::string opened_windows();
// Enlarges the window of a stream or of the connection by one byte, a few, or the size received.
std::string opening(const Action& action, H2Messages& messages);
// The reply of a peer with such windows to the frames it received.
std::string answers_of(H2Messages& messages, Windows windows);
// Room for `size` more bytes of content; stream 0 is the connection.
std::string window_update(std::uint32_t stream, std::uint32_t size);
// More than the content of any run.
inline constexpr std::uint32_t kLargeWindow = 0x4000'0000;
// Streams above `last` are not processed.
std::string goaway_frame(std::uint32_t last, std::uint32_t code);
// HEADERS, optionally split into CONTINUATIONs.
std::string head_frames(std::uint32_t stream, bool ends, std::string_view block, bool in_pieces);
std::string data_frames(std::uint32_t stream, std::string_view content, bool ends);

// PING, WINDOW_UPDATE, PRIORITY, SETTINGS or an unknown frame, within the rules.
std::string control_frame(const Action& action, std::uint32_t stream);
// A reset is rude, but it is a valid frame.
bool is_reset(const Action& action) noexcept;
std::uint32_t reset_code(const Action& action) noexcept;
std::string reset_frame(const Action& action, std::uint32_t stream);
// A frame of any type, with any flags and payload.
std::string odd_frame(const Action& action, std::uint32_t stream);

}  // namespace onehop::fuzz
