// SPDX-License-Identifier: Apache-2.0
//
// Writes the access log's line for an exchange as text or JSON. The functions append to a string
// that the caller reuses, and allocate nothing else.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/exchange_values.hpp"

#include <optional>
#include <string>

namespace onehop::observe {

// Appends the combined log format, then name=value pairs with times in milliseconds:
// 10.0.0.7 - - [23/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 502 37 "-" "curl/8" host=a.example
// upstream=127.0.0.1:8000 attempts=1 reused=no total=1.204 head=0.010 connect=1.190
// outcome=complete failure="upstream connect: Connection refused"
void append_text_line(std::string& line, const ExchangeRecord& exchange, WallTime now);

// Appends one JSON object. Parts that did not happen are null.
void append_json_line(std::string& line, const ExchangeRecord& exchange, WallTime now);

// Appends {"side":"upstream","phase":"connect","reason":"..."}, or null if there is no failure.
void append_json_failure(std::string& line, const std::optional<Error>& failure);

}  // namespace onehop::observe
