// SPDX-License-Identifier: Apache-2.0
//
// The JSON form of an Overview: the document of /status, and each event of the dashboard.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <cstdint>
#include <string>

namespace onehop::observe {

// Convert a time to seconds since 1970, rounded to milliseconds so that it has 14 digits, and a
// duration to seconds, without rounding. Figures use the same numbers, so that the server and the
// page's script round them in the same way.
double json_seconds(Overview::Time time);
double json_seconds(Overview::Duration duration);

// Whether the queries of requests are shown. A hidden query is "?".
enum class Queries : std::uint8_t { hidden, shown };

// Returns the document as one line, without a newline. Bytes that are not UTF-8 become U+FFFD.
std::string overview_json(const Overview& overview, Queries queries = Queries::hidden);

}  // namespace onehop::observe
