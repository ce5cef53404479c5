// SPDX-License-Identifier: Apache-2.0
//
// Parses durations ("500ms", "15s", "5m"), sizes ("64KiB"), shares ("20%") and counts. A quantity
// without a unit, or in another spelling ("10M", "1h30m"), is an error that suggests the right
// spelling.
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::config {

// The units are ms, s, m and h. Fractions are allowed ("1.5s").
Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);
// The units are B, KiB, MiB and GiB, and the decimal kB, MB and GB.
Parsed<std::uint64_t> parse_size(std::string_view text);
// "20%" is 0.2.
Parsed<double> parse_share(std::string_view text);
Parsed<std::size_t> parse_count(std::string_view text);

// Reports whether the number is zero, with or without a unit: "0", "0s", "0.0KiB".
bool is_zero(std::string_view text);

// Format a value with the largest unit that divides it ("75s", "5m", "64KiB", "20%"), or with a
// fraction ("0.25ms", "0.4%"). Parsing the result returns the same value.
std::string format_duration(std::chrono::nanoseconds duration);
std::string format_size(std::uint64_t size);
std::string format_share(double share);

}  // namespace onehop::config
