// SPDX-License-Identifier: Apache-2.0
//
// What both ends of a fuzzed HTTP/2 connection send: frames as the actions of a script say.
// Pure functions.
#pragma once

#include "script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// SETTINGS; with windows that never close when `generous`, the usual ones else.
std::string first_settings(bool generous);
// HEADERS, cut into CONTINUATIONs on request.
std::string head_frames(std::uint32_t stream, bool ends, std::string_view block, bool in_pieces);
std::string data_frames(std::uint32_t stream, std::string_view content, bool ends);

// PING, WINDOW_UPDATE, PRIORITY, SETTINGS, an unknown frame: nothing that breaks a rule.
std::string control_frame(const Action& action, std::uint32_t stream);
// A reset is not polite, but no octets of nobody's making either.
bool is_reset(const Action& action) noexcept;
std::string reset_frame(const Action& action, std::uint32_t stream);
// A frame of any type, with any flags and payload.
std::string odd_frame(const Action& action, std::uint32_t stream);

}  // namespace onehop::fuzz
