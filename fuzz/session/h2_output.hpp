// SPDX-License-Identifier: Apache-2.0
//
// What both ends of a fuzzed HTTP/2 connection send: frames as the actions of a script say.
// Pure functions.
#pragma once

#include "h2_messages.hpp"
#include "script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// How a peer opens its windows.
enum class Windows : std::uint8_t {
  wide,   // they never close
  usual,  // they are what the protocol begins with
  shut,   // those of streams are, until opening()
};
std::string first_settings(Windows windows);
// From now on they never close.
std::string opened_windows();
// By one byte, a few, or what was received; of a stream or of the connection.
std::string opening(const Action& action, H2Messages& messages);
// What a peer with such windows sends back to what it has received.
std::string answers_of(H2Messages& messages, Windows windows);
// Room for so much more content; stream 0 is the connection.
std::string window_update(std::uint32_t stream, std::uint32_t size);
// Past any content of a run.
inline constexpr std::uint32_t kLargeWindow = 0x4000'0000;
// No stream above `last` is processed.
std::string goaway_frame(std::uint32_t last, std::uint32_t code);
// HEADERS, cut into CONTINUATIONs on request.
std::string head_frames(std::uint32_t stream, bool ends, std::string_view block, bool in_pieces);
std::string data_frames(std::uint32_t stream, std::string_view content, bool ends);

// PING, WINDOW_UPDATE, PRIORITY, SETTINGS, an unknown frame: nothing that breaks a rule.
std::string control_frame(const Action& action, std::uint32_t stream);
// A reset is not polite, but no bytes of nobody's making either.
bool is_reset(const Action& action) noexcept;
std::uint32_t reset_code(const Action& action) noexcept;
std::string reset_frame(const Action& action, std::uint32_t stream);
// A frame of any type, with any flags and payload.
std::string odd_frame(const Action& action, std::uint32_t stream);

}  // namespace onehop::fuzz
