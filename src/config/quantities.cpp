// SPDX-License-Identifier: Apache-2.0
#include "config/quantities.hpp"

#include "config/plain_text.hpp"
#include "config/pointed_out.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace onehop::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// The largest unit is first, since formatting uses the first unit that divides the value. The
// decimal sizes are only for parsing.
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

// Other spellings of units, in lower case: as a size "10m" means 10 MiB, as a duration "2d" means
// 48 h.
struct Spelling {
  std::string_view typed;
  std::string_view unit;
  std::uint64_t times = 1;
};

constexpr auto kDurationSpellings = std::to_array<Spelling>({
    {"ms", "ms"},
    {"msec", "ms"},
    {"msecs", "ms"},
    {"millisecond", "ms"},
    {"milliseconds", "ms"},
    {"s", "s"},
    {"sec", "s"},
    {"secs", "s"},
    {"second", "s"},
    {"seconds", "s"},
    {"m", "m"},
    {"min", "m"},
    {"mins", "m"},
    {"minute", "m"},
    {"minutes", "m"},
    {"h", "h"},
    {"hr", "h"},
    {"hrs", "h"},
    {"hour", "h"},
    {"hours", "h"},
    {"d", "h", 24},
    {"day", "h", 24},
    {"days", "h", 24},
    {"w", "h", 168},
    {"week", "h", 168},
});
constexpr auto kSizeSpellings = std::to_array<Spelling>({
    {"b", "B"},          {"byte", "B"},        {"bytes", "B"},     {"k", "KiB"},
    {"ki", "KiB"},       {"kib", "KiB"},       {"kb", "kB"},       {"m", "MiB"},
    {"mi", "MiB"},       {"mib", "MiB"},       {"mb", "MB"},       {"g", "GiB"},
    {"gi", "GiB"},       {"gib", "GiB"},       {"gb", "GB"},       {"t", "GiB", 1024},
    {"ti", "GiB", 1024}, {"tib", "GiB", 1024}, {"tb", "GB", 1000},
});
constexpr auto kCountSpellings = std::to_array<Spelling>({
    {"k", "", 1000},
    {"m", "", 1'000'000},
    {"mio", "", 1'000'000},
    {"million", "", 1'000'000},
});

// Just below the maximum of a signed 64-bit number: 285 years in nanoseconds, 8 EiB.
constexpr double kLargest = 9.0e18;

struct WrittenNumber {
  double value;
  std::string_view digits;
  std::string_view unit;
};

// Splits a leading number from the rest; std::nullopt if there is none.
std::optional<WrittenNumber> split(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (failed != std::errc{} || !std::isfinite(value) || std::signbit(value)) return std::nullopt;
  return WrittenNumber{value, std::string_view(text.data(), rest), std::string_view(rest, end)};
}

std::optional<std::uint64_t> rounded(double value) {
  if (!(value < kLargest)) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(value));
}

// Returns digits * factor, computed exactly and not with the rounding of a double.
std::uint64_t product(std::string_view digits, std::uint64_t factor) {
  constexpr int kPlaces = 18;  // digits of the fraction; further ones are below 1 in any unit
  __uint128_t whole = 0;
  __uint128_t fraction = 0;
  __uint128_t scale = 1;
  const auto point = std::min(digits.find('.'), digits.size());
  for (const char c : digits.substr(0, point))
    whole = whole * 10 + static_cast<unsigned>(c - '0');
  for (const char c : digits.substr(std::min(point + 1, digits.size())).substr(0, kPlaces)) {
    fraction = fraction * 10 + static_cast<unsigned>(c - '0');
    scale *= 10;
  }
  return static_cast<std::uint64_t>(whole * factor + (fraction * factor + scale / 2) / scale);
}

std::optional<std::uint64_t> scaled(const WrittenNumber& number, std::span<const Unit> units) {
  const auto unit = std::ranges::find(units, number.unit, &Unit::name);
  if (unit == units.end()) return std::nullopt;
  if (!(number.value * static_cast<double>(unit->factor) < kLargest)) return std::nullopt;
  return product(number.digits, unit->factor);
}

bool is_unit(std::string_view name, std::span<const Unit> units) {
  return std::ranges::find(units, name, &Unit::name) != units.end();
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

// Returns the size that was probably meant. From 1024 on that is a number of bytes, below it a
// number of KiB.
std::string likely_size(std::string_view text, double value) {
  if (value >= 1024 && is_whole(value) && value < kLargest) {
    return format_size(static_cast<std::uint64_t>(value));
  }
  return std::string(text) + (value >= 1024 ? "B" : "KiB");
}

std::string likely_share(std::string_view text, double value) {
  return value <= 1 ? format_share(value) : std::string(text) + "%";
}

std::string_view without_blanks_in_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// A number and its unit, in any spelling, with or without blanks.
struct Part {
  std::string_view digits;
  double value;
  const Spelling* spelling;
};

std::optional<Part> take_part(std::string_view& text, std::span<const Spelling> spellings) {
  const auto number = split(text);
  if (!number) return std::nullopt;
  const std::string_view digits = number->digits;
  std::string_view unit = without_blanks_in_front(number->unit);
  unit = unit.substr(0, unit.find_first_of(" 0123456789"));
  if (unit.empty()) return std::nullopt;
  const auto spelling = std::ranges::find(spellings, lower(unit), &Spelling::typed);
  if (spelling == spellings.end()) return std::nullopt;
  const char* const after = unit.data() + unit.size();
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  return Part{digits, number->value, &*spelling};
}

// Returns the probable meaning of a text that is almost a quantity: "90m" for "1h30m", "10MB" for
// "10 mb".
std::optional<std::string> likely(std::string_view text,
                                  std::span<const Spelling> spellings,
                                  std::span<const Unit> units,
                                  std::string (*format)(std::uint64_t)) {
  double total = 0;
  std::string as_typed;
  std::string_view rest = without_blanks_in_front(text);
  int parts = 0;
  do {
    const auto part = take_part(rest, spellings);
    if (!part) return std::nullopt;
    const auto unit = std::ranges::find(units, part->spelling->unit, &Unit::name);
    const std::uint64_t factor = unit == units.end() ? 1 : unit->factor;
    total += part->value * static_cast<double>(part->spelling->times * factor);
    const double in_unit = part->value * static_cast<double>(part->spelling->times);
    if (part->spelling->times == 1) {
      as_typed = std::string(part->digits) + std::string(part->spelling->unit);
    } else if (const auto whole = rounded(in_unit); whole && is_whole(in_unit)) {
      as_typed = std::to_string(*whole) + std::string(part->spelling->unit);
    }
    rest = without_blanks_in_front(rest);
    ++parts;
  } while (!rest.empty());
  const auto value = rounded(total);
  if (!value) return std::nullopt;
  return parts == 1 && !as_typed.empty() ? as_typed : format(*value);
}

std::unexpected<std::string> is_not(std::string_view text,
                                    std::string_view what,
                                    const std::optional<std::string>& meant) {
  std::string why = in_quotes(text) + " is not a " + std::string(what);
  if (meant) why += did_you_mean(*meant);
  return refused(std::move(why));
}

// Returns the error for a number without a unit. Suggests `meant`, which has a unit, if that is a
// valid value.
template <class T>
std::unexpected<std::string> without_unit(std::string_view text,
                                          const std::string& meant,
                                          Parsed<T> (*parse)(std::string_view)) {
  if (!parse(meant)) return refused(in_quotes(text) + " has no unit, and is too large with any");
  return refused(in_quotes(text) + " has no unit" + did_you_mean(meant));
}

std::string duration_text(std::uint64_t nanoseconds) {
  return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds)));
}

std::optional<std::string> likely_duration(std::string_view text) {
  return likely(text, kDurationSpellings, kDurations, &duration_text);
}

std::optional<std::string> likely_size(std::string_view text) {
  std::array<Unit, kSizes.size() + kDecimalSizes.size()> units{};
  std::ranges::copy(kDecimalSizes, std::ranges::copy(kSizes, units.begin()).out);
  return likely(text, kSizeSpellings, units, &format_size);
}

// Returns the count that was probably meant by "10k", "10,000" or "10_000".
std::optional<std::string> likely_count(std::string_view text) {
  std::string digits(text);
  std::erase_if(digits, [](char c) { return c == ',' || c == '_' || c == '\'' || c == ' '; });
  if (digits != text && parse_count(digits)) return digits;
  return likely(text, kCountSpellings, {},
                [](std::uint64_t value) { return std::to_string(value); });
}

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto number = split(text);
  if (!number) return is_not(text, "duration, such as 500ms, 15s or 5m", std::nullopt);
  if (number->unit.empty()) {
    const char* unit = number->value >= 1000 ? "ms" : "s";
    return without_unit(text, std::string(text) + unit, &parse_duration);
  }
  const auto count = scaled(*number, kDurations);
  if (!count && is_unit(number->unit, kDurations))
    return refused(in_quotes(text) + " is too large");
  if (!count) {
    const auto meant = likely_duration(text);
    if (meant) return is_not(text, "number and a unit of time", meant);
    return is_not(text, "duration; the units are ms, s, m and h", std::nullopt);
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*count));
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  const auto number = split(text);
  if (!number) return is_not(text, "size, such as 64KiB or 1MiB", std::nullopt);
  if (number->unit.empty()) {
    return without_unit(text, likely_size(text, number->value), &parse_size);
  }
  auto count = scaled(*number, kSizes);
  if (!count) count = scaled(*number, kDecimalSizes);
  if (!count && (is_unit(number->unit, kSizes) || is_unit(number->unit, kDecimalSizes))) {
    return refused(in_quotes(text) + " is too large");
  }
  if (!count) {
    const auto meant = likely_size(text);
    if (meant) return is_not(text, "number and a unit of size", meant);
    return is_not(text, "size; the units are B, KiB, MiB, GiB, kB, MB and GB", std::nullopt);
  }
  return *count;
}

Parsed<double> parse_share(std::string_view text) {
  const auto number = split(text);
  if (!number) return refused(in_quotes(text) + " is not a share, such as 20%");
  if (number->unit.empty()) {
    return without_unit(text, likely_share(text, number->value), &parse_share);
  }
  if (number->unit != "%" || number->value > 100) {
    return refused(in_quotes(text) + " is not a share between 0% and 100%");
  }
  return number->value / 100;
}

Parsed<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || rest != end) {
    return is_not(text, "whole number", likely_count(text));
  }
  return value;
}

bool is_zero(std::string_view text) {
  const auto number = split(text);
  return number && number->value == 0;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  if (duration == std::chrono::nanoseconds::zero()) return "0s";
  const auto count = static_cast<std::uint64_t>(duration.count());
  const auto& [unit, factor] = kDurations.back();
  if (count % factor == 0) return in_largest_unit(count, kDurations);
  std::string fraction = std::to_string(factor + count % factor);  // a leading 1 keeps the zeros
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(count / factor) + "." + fraction.substr(1) + std::string(unit);
}

std::string format_size(std::uint64_t size) {
  return size == 0 ? "0B" : in_largest_unit(size, kSizes);
}

// Returns the shortest text that parses to the same number.
std::string format_share(double share) {
  constexpr int kMaxPlaces = 400;
  constexpr double kUp = std::numeric_limits<double>::infinity();
  const double percent = share * 100;
  std::array<char, kMaxPlaces + 32> text{};
  for (int places = 0; places <= kMaxPlaces; ++places) {
    for (const double near : {percent, std::nextafter(percent, 0), std::nextafter(percent, kUp)}) {
      const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), near,
                                              std::chars_format::fixed, places);
      if (error != std::errc{}) continue;
      const std::string shown = std::string(text.data(), end) + "%";
      if (parse_share(shown) == share) return shown;
    }
  }
  return std::to_string(percent) + "%";
}

}  // namespace onehop::config
