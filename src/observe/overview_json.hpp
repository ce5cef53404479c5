// SPDX-License-Identifier: Apache-2.0
//
// The JSON form of an Overview: the document of /status, and each event of the dashboard.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <cstdint>
#include <string>

namespace onehop::observe {

// Seconds since 1970, to the millisecond, so that a time has 14 digits; and exactly. Figures are
// made of the same numbers, so that they are rounded in the same way wherever that is done.
double json_seconds(Overview::Time time);
double json_seconds(Overview::Duration duration);

// Of requests. Hidden, "?" says that there is one.
enum class Queries : std::uint8_t { hidden, shown };

// One line without a newline at its end. Bytes that are not UTF-8 become U+FFFD.
std::string overview_json(const Overview& overview, Queries queries = Queries::hidden);

}  // namespace onehop::observe
