// SPDX-License-Identifier: Apache-2.0
//
// The kinds of settings that are numbers: durations, sizes, counts and shares. Each has bounds and
// may accept words ("off", "auto") that stand for a number. A kind parses a text and shows a value
// as it would be typed.
// Thread: any.
#pragma once

#include <onehop/limit.hpp>

#include "config/parsed.hpp"
#include "config/quantities.hpp"
#include "config/setting.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace onehop::config {

enum class NumberUnit : std::uint8_t { time, size, none };

// The values that a flag accepts. Durations are in nanoseconds, sizes in bytes.
struct Numbers {
  NumberUnit unit;
  std::uint64_t min;
  std::uint64_t max;
  // Whether the flag accepts "off" and "auto", and the number that each stands for, which may be
  // outside the bounds.
  bool has_off = false;
  std::uint64_t off = 0;
  bool has_auto = false;
  std::uint64_t automatic = 0;
};

Parsed<std::uint64_t> parse_number(const Numbers& numbers, std::string_view text);
std::string show_number(const Numbers& numbers, std::uint64_t value);

// Number<kNumbers> is the kind, for the table of settings.
template <Numbers kNumbers>
struct Number {
  static constexpr std::string_view kPlaceholder = kNumbers.unit == NumberUnit::time   ? "TIME"
                                                   : kNumbers.unit == NumberUnit::size ? "SIZE"
                                                                                       : "N";
  static constexpr ValueType kType =
      kNumbers.unit == NumberUnit::none ? ValueType::number : ValueType::text;
  static constexpr Content kContent = kNumbers.unit == NumberUnit::time   ? Content::time
                                      : kNumbers.unit == NumberUnit::size ? Content::size
                                                                          : Content::word;
  static Parsed<std::uint64_t> parse(std::string_view text) { return parse_number(kNumbers, text); }
  static std::string show(std::uint64_t value) { return show_number(kNumbers, value); }
};

template <Numbers kNumbers>
struct Duration : Number<kNumbers> {
  static Parsed<std::chrono::nanoseconds> parse(std::string_view text) {
    const auto value = parse_number(kNumbers, text);
    if (!value) return refused(value.error());
    return std::chrono::nanoseconds(static_cast<std::int64_t>(*value));
  }
  static std::string show(std::chrono::nanoseconds value) {
    return show_number(kNumbers, static_cast<std::uint64_t>(value.count()));
  }
};

struct Share {
  static constexpr std::string_view kPlaceholder = "SHARE";
  static constexpr Content kContent = Content::share;
  static Parsed<Limit<double>> parse(std::string_view text) {
    if (text == "off") return Limit<double>(no_limit);
    const auto share = parse_share(text);
    if (!share) return refused(share.error());
    return Limit<double>(*share);
  }
  static std::string show(Limit<double> value) {
    return value.is_none() ? "off" : format_share(value);
  }
};

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kTenYears = std::uint64_t{3650} * 24 * 3600 * 1000 * kMillisecond;
constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
// The maximum of a flag without its own bound; far more than any machine can use.
constexpr std::uint64_t kMaxOfAll = 1'000'000'000;

constexpr Numbers times(std::uint64_t min = kMillisecond) {
  return {.unit = NumberUnit::time, .min = min, .max = kTenYears};
}
constexpr Numbers sizes(std::uint64_t min, std::uint64_t max) {
  return {.unit = NumberUnit::size, .min = min, .max = max};
}
constexpr Numbers counts(std::uint64_t min, std::uint64_t max) {
  return {.unit = NumberUnit::none, .min = min, .max = max};
}
constexpr Numbers or_off(Numbers numbers, std::uint64_t value) {
  numbers.has_off = true;
  numbers.off = value;
  return numbers;
}
// "auto" stands for 0, which lets the library choose.
constexpr Numbers or_auto(Numbers numbers) {
  numbers.has_auto = true;
  return numbers;
}

}  // namespace onehop::config
