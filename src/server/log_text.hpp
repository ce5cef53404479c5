// SPDX-License-Identifier: Apache-2.0
//
// Text for log lines that parse in one way only. Values that a peer can choose go through
// append_escaped() or append_log_value(); append_log_line() makes the line itself.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace onehop::server {

using WallTime = std::chrono::system_clock::time_point;

// For text between double quotes: `"`, `\`, control bytes and those past 0x7e become \xHH, so that
// nothing in `text` can end the quotes or the line.
void append_escaped(std::string& line, std::string_view text);

// The value of a name=value pair. One of letters, digits and -._~:/[]@%+ stands as it is; another
// is escaped and in double quotes, and so is a lone hyphen. The empty text is a hyphen.
void append_log_value(std::string& line, std::string_view text);

std::string_view to_string(LogLevel level) noexcept;

// "2026-11-28T17:03:33.123Z warning TEXT\n". Control bytes in `text` become \xHH: it is one line.
void append_log_line(std::string& line, LogLevel level, std::string_view text, WallTime now);

}  // namespace onehop::server
