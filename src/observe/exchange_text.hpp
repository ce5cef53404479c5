// SPDX-License-Identifier: Apache-2.0
//
// The access log's line for an exchange, as text or JSON. Appends to a string that the caller
// reuses; allocates nothing else.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/exchange_values.hpp"

#include <optional>
#include <string>

namespace onehop::observe {

// The combined log format, then name=value pairs, the times in milliseconds:
// 10.0.0.7 - - [23/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 502 37 "-" "curl/8" host=a.example
// upstream=127.0.0.1:8000 attempts=1 reused=no total=1.204 head=0.010 connect=1.190
// outcome=complete failure="upstream connect: Connection refused"
void append_text_line(std::string& line, const ExchangeRecord& exchange, WallTime now);

// One JSON object. Parts that did not happen are null.
void append_json_line(std::string& line, const ExchangeRecord& exchange, WallTime now);

// {"side":"upstream","phase":"connect","reason":"..."}, or null.
void append_json_failure(std::string& line, const std::optional<Error>& failure);

}  // namespace onehop::observe
