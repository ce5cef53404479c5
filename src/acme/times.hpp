// SPDX-License-Identifier: Apache-2.0
//
// Times as ACME writes them.
// Thread: any.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::acme {

using WallTime = std::chrono::system_clock::time_point;

// "2026-11-30T10:00:00Z", with or without a fraction, or with an offset (RFC 3339 §5.6).
std::optional<WallTime> parse_rfc3339(std::string_view text);
// In whole seconds.
std::string to_rfc3339(WallTime time);
// Retry-After (RFC 9110 §10.2.3): seconds, or a date in the preferred form. A longer time than
// kLongestWait is that, a date in the past is 0.
inline constexpr std::chrono::hours kLongestWait(24 * 30);
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, WallTime now);

}  // namespace onehop::acme
