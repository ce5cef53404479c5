// SPDX-License-Identifier: Apache-2.0

#include "http/date.hpp"

#include <algorithm>
#include <chrono>

namespace onehop {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

char* put_text(char* out, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

char* put_two_digits(char* out, unsigned value) noexcept {
  *out++ = static_cast<char>('0' + value / 10 % 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

}  // namespace

ImfDate::ImfDate(std::int64_t unix_seconds) noexcept {
  using std::chrono::days;
  const std::chrono::sys_seconds when{std::chrono::seconds(unix_seconds)};
  const auto midnight = std::chrono::floor<days>(when);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::weekday weekday(midnight);
  const auto second = static_cast<unsigned>((when - midnight).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));

  char* out = put_text(text_.data(), kDays.substr(weekday.c_encoding() * std::size_t{3}, 3));
  out = put_two_digits(put_text(out, ", "), static_cast<unsigned>(date.day()));
  const std::size_t month = static_cast<unsigned>(date.month()) - std::size_t{1};
  out = put_text(put_text(put_text(out, " "), kMonths.substr(month * 3, 3)), " ");
  out = put_two_digits(put_two_digits(out, year / 100), year);
  out = put_two_digits(put_text(out, " "), second / 3600);
  out = put_two_digits(put_text(out, ":"), second / 60 % 60);
  out = put_two_digits(put_text(out, ":"), second % 60);
  put_text(out, " GMT");
}

}  // namespace onehop
