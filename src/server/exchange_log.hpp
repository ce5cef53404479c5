// SPDX-License-Identifier: Apache-2.0
//
// The log line of a failed exchange, for servers that do not log every request.
#pragma once

#include <onehop/exchange_record.hpp>

#include <string>
#include <string_view>

namespace onehop::server {

// Returns the side at fault: "proxy", "client" or "upstream".
std::string_view name_of(Side side) noexcept;

// Appends the side and the error, such as
//   upstream connect: Connection refused
// escaped for use between double quotes.
void append_failure_text(std::string& line, const Error& failure);

// Returns a line such as
//   client=10.0.0.7 request="GET /x HTTP/1.1" status=502 failure="upstream connect: Connection
//   refused" upstream=127.0.0.1:8000 attempts=1
std::string describe_failure(const ExchangeRecord& exchange);

// Appends "GET /x HTTP/1.1" with its quotes, or "-" with quotes if no head was understood.
void append_request_line(std::string& line, const ExchangeRecord& exchange);

}  // namespace onehop::server
