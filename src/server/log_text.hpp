// SPDX-License-Identifier: Apache-2.0
//
// Functions for log lines that parse in one way only. Values that a peer can choose go through
// append_escaped() or append_log_value(); append_log_line() appends the whole line.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace onehop::server {

using WallTime = std::chrono::system_clock::time_point;

// Appends text for use between double quotes: `"`, `\`, control bytes and bytes above 0x7e become
// \xHH, so that nothing in `text` can end the quotes or the line.
void append_escaped(std::string& line, std::string_view text);

// Appends the value of a name=value pair. A value of letters, digits and -._~:/[]@%+ is appended as
// it is. Any other value, and a lone hyphen, is escaped and put in double quotes. Empty text
// becomes a hyphen.
void append_log_value(std::string& line, std::string_view text);

std::string_view to_string(LogLevel level) noexcept;

// Appends "2026-11-28T17:03:33.123Z warning TEXT\n". Control bytes in `text` become \xHH, so that
// it stays one line.
void append_log_line(std::string& line, LogLevel level, std::string_view text, WallTime now);

}  // namespace onehop::server
