// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_figures.hpp"

#include "base/hexadecimal.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace onehop::observe {
namespace {

using std::chrono::duration_cast;
using Seconds = std::chrono::duration<double>;

constexpr double kMinute = 60;
constexpr double kHour = 60 * kMinute;
constexpr double kDay = 24 * kHour;

// Rounds like toFixed() in the page: of two equally near values, to the larger one.
std::string decimal(double value, int digits) {
  const double scale = std::pow(10, digits);
  const double scaled = value * scale;
  const bool is_between =
      scaled - std::floor(scaled) == 0.5 && std::fma(value, scale, -scaled) == 0;
  if (is_between) value = (std::floor(scaled) + 1) / scale;
  std::array<char, 40> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value,
                                           std::chars_format::fixed, digits);
  return {text.data(), end};
}

std::string two_digits(std::int64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

// Returns "4 m 05 s".
std::string in_two_units(double seconds,
                         double large,
                         std::string_view name,
                         double small,
                         std::string_view small_name) {
  const double whole = std::floor(seconds / large);
  const auto rest = static_cast<std::int64_t>((seconds - whole * large) / small);
  return decimal(whole, 0) + std::string(name) + two_digits(rest) + std::string(small_name);
}

std::string seconds_figure(double seconds) {
  constexpr double kMillisecond = 1e-3;
  if (seconds < 0.95 * kMillisecond) return decimal(seconds * 1e3, 2) + " ms";
  if (seconds < 9.95 * kMillisecond) return decimal(seconds * 1e3, 1) + " ms";
  if (seconds < 999.5 * kMillisecond) return decimal(seconds * 1e3, 0) + " ms";
  if (seconds < 9.95) return decimal(seconds, 1) + " s";
  if (seconds < kMinute) return decimal(std::floor(seconds), 0) + " s";
  if (seconds < kHour) return in_two_units(seconds, kMinute, " m ", 1, " s");
  if (seconds < kDay) return in_two_units(seconds, kHour, " h ", kMinute, " m");
  return in_two_units(seconds, kDay, " d ", kHour, " h");
}

// Appends the code of an invisible character, which has at most 16 bits.
void append_code(std::string& text, char32_t code) {
  text += "\\u";
  append_hexadecimal(text, static_cast<unsigned char>(code >> 8U));
  append_hexadecimal(text, static_cast<unsigned char>(code & 0xffU));
}

}  // namespace

std::string or_dash(std::string text) {
  return text.empty() ? std::string(kNoFigure) : text;
}

std::string count_figure(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3; at -= 3)
    text.insert(at - 3, ",");
  return text;
}

std::string size_figure(std::uint64_t size) {
  constexpr std::array<std::string_view, 6> kUnits = {" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
  auto value = static_cast<double>(size);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit)
    value /= 1024;
  const bool has_fraction = unit > 0 && value < 9.95;
  return (has_fraction ? decimal(value, 1)
                       : count_figure(static_cast<std::uint64_t>(std::llround(value)))) +
         std::string(kUnits[unit]);
}

std::string duration_figure(std::optional<Overview::Duration> time) {
  if (!time) return std::string(kNoFigure);
  return seconds_figure(std::max(duration_cast<Seconds>(*time).count(), 0.0));
}

std::string whole_seconds_figure(Overview::Duration time) {
  constexpr std::int64_t kFewSeconds = 10;
  const auto whole = duration_cast<std::chrono::seconds>(time).count();
  if (whole < kFewSeconds) return std::to_string(std::max<std::int64_t>(whole, 1)) + " s";
  return duration_figure(time);
}

std::string ago_figure(Overview::Time then, Overview::Time now) {
  return whole_seconds_figure(now - then) + " ago";
}

std::string clock_figure(Overview::Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss of_day(std::chrono::floor<std::chrono::seconds>(time) - day);
  return two_digits(of_day.hours().count()) + ":" + two_digits(of_day.minutes().count()) + ":" +
         two_digits(of_day.seconds().count());
}

std::string date_figure(Overview::Time time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two_digits(static_cast<unsigned>(date.month())) + "-" +
         two_digits(static_cast<unsigned>(date.day()));
}

std::string_view health_word(Overview::Health health) noexcept {
  switch (health) {
    case Overview::Health::unused:
      return "unused";
    case Overview::Health::up:
      return "up";
    case Overview::Health::down:
      return "down";
    case Overview::Health::draining:
      return "draining";
  }
  return "";
}

std::string visible_text(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0) {
      shown += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = text.substr(0, size);
    if (const char32_t code = utf8_code_point(character); is_invisible(code)) {
      append_code(shown, code);
    } else {
      shown += character;
    }
    text.remove_prefix(size);
  }
  return shown;
}

}  // namespace onehop::observe
