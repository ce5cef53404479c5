// SPDX-License-Identifier: Apache-2.0
//
// The formats of times in ACME.
// Thread: any.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::acme {

using WallTime = std::chrono::system_clock::time_point;

// Parses "2026-11-30T10:00:00Z", with or without a fraction, or with an offset (RFC 3339 §5.6).
std::optional<WallTime> parse_rfc3339(std::string_view text);
// Writes whole seconds.
std::string to_rfc3339(WallTime time);
// Parses Retry-After (RFC 9110 §10.2.3): seconds, or a date in the preferred form. A longer wait
// than kLongestWait becomes kLongestWait, a date in the past becomes 0.
inline constexpr std::chrono::hours kLongestWait(24 * 30);
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, WallTime now);

}  // namespace onehop::acme
