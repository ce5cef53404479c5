// SPDX-License-Identifier: Apache-2.0
//
// The line that a failed exchange leaves in a log without one for each request.
#pragma once

#include <onehop/exchange_record.hpp>

#include <string>
#include <string_view>

namespace onehop::server {

// Whose fault it was: "proxy", "client" or "upstream".
std::string_view name_of(Side side) noexcept;

// upstream connect: Connection refused ...
// For between double quotes: escaped.
void append_failure_text(std::string& line, const Error& failure);

// client=10.0.0.7 request="GET /x HTTP/1.1" status=502 failure="upstream connect: Connection
// refused" upstream=127.0.0.1:8000 attempts=1
std::string describe_failure(const ExchangeRecord& exchange);

// "GET /x HTTP/1.1" with its quotes, or "-" where no request was understood.
void append_request_line(std::string& line, const ExchangeRecord& exchange);

}  // namespace onehop::server
