// SPDX-License-Identifier: Apache-2.0
#include "program/quantities.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

namespace onehop::program {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first that divides. The decimal sizes are for reading only.
constexpr std::array<Unit, 4> kDurations{{
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
}};
constexpr std::array<Unit, 4> kSizes{{
    {"GiB", 1U << 30U},
    {"MiB", 1U << 20U},
    {"KiB", 1U << 10U},
    {"B", 1},
}};
constexpr std::array<Unit, 4> kDecimalSizes{{
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"KB", 1'000},
}};

// Just below what a signed 64-bit number holds: 285 years in nanoseconds, 8 EiB.
constexpr double kLargest = 9.0e18;

struct Number {
  double value;
  std::string_view unit;
};

// The number in front and whatever follows it; nothing when there is no number in front.
std::optional<Number> split(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (failed != std::errc{} || !std::isfinite(value) || std::signbit(value)) return std::nullopt;
  return Number{value, std::string_view(rest, static_cast<std::size_t>(end - rest))};
}

std::optional<std::uint64_t> scaled(Number number, std::span<const Unit> units) {
  const auto unit = std::ranges::find(units, number.unit, &Unit::name);
  if (unit == units.end()) return std::nullopt;
  const double result = number.value * static_cast<double>(unit->factor);
  if (!(result < kLargest)) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(result));
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string in_largest_unit(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return std::to_string(value);
}

bool is_whole(double value) {
  return value == std::floor(value);
}

// 65536 was meant as bytes, 10 for a body hardly was.
std::string likely_size(std::string_view text, double value) {
  if (value >= 1024 && is_whole(value) && value < kLargest) {
    return format_size(static_cast<std::uint64_t>(value));
  }
  return std::string(text) + (value >= 1024 ? "B" : "KiB");
}

std::string likely_share(std::string_view text, double value) {
  return value <= 1 ? format_share(value) : std::string(text) + "%";
}

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto number = split(text);
  if (!number) return refused(quoted(text) + " is not a duration, such as 500ms, 15s or 5m");
  if (number->unit.empty()) {
    const char* unit = number->value >= 1000 ? "ms" : "s";
    return refused(quoted(text) + " has no unit: did you mean " + std::string(text) + unit + "?");
  }
  const auto count = scaled(*number, kDurations);
  if (!count) {
    return refused(quoted(text) + " is not a duration; the units are ms, s, m and h");
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*count));
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  const auto number = split(text);
  if (!number) return refused(quoted(text) + " is not a size, such as 64KiB or 1MiB");
  if (number->unit.empty()) {
    return refused(quoted(text) + " has no unit: did you mean " + likely_size(text, number->value) +
                   "?");
  }
  auto count = scaled(*number, kSizes);
  if (!count) count = scaled(*number, kDecimalSizes);
  if (!count) {
    return refused(quoted(text) + " is not a size; the units are B, KiB, MiB, GiB, kB, MB and GB");
  }
  return *count;
}

Parsed<double> parse_share(std::string_view text) {
  const auto number = split(text);
  if (!number) return refused(quoted(text) + " is not a share, such as 20%");
  if (number->unit.empty()) {
    return refused(quoted(text) + " has no unit: did you mean " +
                   likely_share(text, number->value) + "?");
  }
  if (number->unit != "%" || number->value > 100) {
    return refused(quoted(text) + " is not a share between 0% and 100%");
  }
  return number->value / 100;
}

Parsed<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || rest != end) {
    return refused(quoted(text) + " is not a whole number");
  }
  return value;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  if (duration == std::chrono::nanoseconds::zero()) return "0s";
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (count % kDurations.back().factor != 0) {
    return format_duration(std::chrono::ceil<std::chrono::milliseconds>(duration));
  }
  return in_largest_unit(count, kDurations);
}

std::string format_size(std::uint64_t size) {
  return size == 0 ? "0B" : in_largest_unit(size, kSizes);
}

std::string format_share(double share) {
  return std::to_string(std::llround(share * 100)) + "%";
}

}  // namespace onehop::program
