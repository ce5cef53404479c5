// SPDX-License-Identifier: Apache-2.0
//
// Formats the figures of an Overview for people. The script of the dashboard formats them in the
// same way.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::observe {

inline constexpr std::string_view kNoFigure = "\xe2\x80\x93";  // a dash

// Returns the text, or a dash if it is empty.
std::string or_dash(std::string text);

std::string count_figure(std::uint64_t count);                        // "12,345"
std::string size_figure(std::uint64_t size);                          // "1.4 GiB"
std::string duration_figure(std::optional<Overview::Duration> time);  // "0.42 ms", "4 m 05 s"
// Returns whole seconds, at least "1 s".
std::string whole_seconds_figure(Overview::Duration time);
// "5 s ago"
std::string ago_figure(Overview::Time then, Overview::Time now);
// In UTC: "17:03:33", "2026-11-28".
std::string clock_figure(Overview::Time time);
std::string date_figure(Overview::Time time);

// "unused", "up", "down", "draining"
std::string_view health_word(Overview::Health health) noexcept;

// Makes the text of a peer visible. Characters that are invisible or reorder others are replaced by
// their code, such as "\u202e", and bytes that are not UTF-8 by U+FFFD. The result is not escaped
// for HTML.
std::string visible_text(std::string_view text);

}  // namespace onehop::observe
