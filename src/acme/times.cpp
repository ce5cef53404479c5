// SPDX-License-Identifier: Apache-2.0
#include "acme/times.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>

namespace onehop::acme {
namespace {

using std::chrono::seconds;

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

// Reads a text from its beginning. After the first error, nothing else succeeds.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  int number(std::size_t digits) noexcept {
    int value = 0;
    if (rest_.size() < digits) ok_ = false;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      if (!ascii::is_digit(rest_[i])) ok_ = false;
      value = value * 10 + (rest_[i] - '0');
    }
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }
  void skip(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) ok_ = false;
    if (ok_) rest_.remove_prefix(expected.size());
  }
  char letter() noexcept {
    if (rest_.empty()) ok_ = false;
    if (!ok_) return 0;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void skip_fraction() noexcept {
    if (!ok_ || !rest_.starts_with('.')) return;
    const std::size_t end = rest_.find_first_not_of("0123456789", 1);
    if (end == 1 || end == rest_.npos) ok_ = false;
    if (ok_) rest_.remove_prefix(end);
  }
  int month() noexcept {
    const std::size_t at = rest_.size() < 3 ? kMonths.npos : kMonths.find(rest_.substr(0, 3));
    if (at == kMonths.npos || at % 3 != 0) ok_ = false;
    if (ok_) rest_.remove_prefix(3);
    return static_cast<int>(at / 3) + 1;
  }
  bool is_at_end() const noexcept { return ok_ && rest_.empty(); }
  bool ok() const noexcept { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Civil {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// The system clock ends in the year 2262.
bool is_known(int year) {
  return year >= 1970 && year <= 2200;
}

// A leap second counts as the second before it.
std::optional<WallTime> time_at(const Civil& civil) {
  const std::chrono::year_month_day date(std::chrono::year(civil.year),
                                         std::chrono::month(static_cast<unsigned>(civil.month)),
                                         std::chrono::day(static_cast<unsigned>(civil.day)));
  if (!date.ok() || !is_known(civil.year) || civil.hour > 23 || civil.minute > 59 ||
      civil.second > 60) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(civil.hour) +
         std::chrono::minutes(civil.minute) + seconds(std::min(civil.second, 59));
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  Civil civil;
  civil.year = reader.number(4);
  reader.skip("-");
  civil.month = reader.number(2);
  reader.skip("-");
  civil.day = reader.number(2);
  const char between = reader.letter();
  civil.hour = reader.number(2);
  reader.skip(":");
  civil.minute = reader.number(2);
  reader.skip(":");
  civil.second = reader.number(2);
  reader.skip_fraction();
  const char zone = reader.letter();
  std::chrono::minutes offset(0);
  if (zone == '+' || zone == '-') {
    const int hours = reader.number(2);
    reader.skip(":");
    const int minutes = reader.number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  } else if (zone != 'Z' && zone != 'z') {
    return std::nullopt;
  }
  if (!reader.is_at_end() || (between != 'T' && between != 't' && between != ' '))
    return std::nullopt;
  const auto time = time_at(civil);
  if (!time) return std::nullopt;
  const WallTime moved = zone == '+' ? *time - offset : *time + offset;
  const auto year =
      std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(moved)).year();
  if (!is_known(static_cast<int>(year))) return std::nullopt;
  return moved;
}

std::string to_rfc3339(WallTime time) {
  const std::time_t second = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  ::gmtime_r(&second, &fields);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text.data();
}

std::optional<seconds> parse_retry_after(std::string_view text, WallTime now) {
  constexpr seconds kMaxWait = kLongestWait;
  if (!text.empty() && ascii::is_digit(text.front())) {
    const auto count = ascii::parse_decimal(text);
    if (!count) return std::nullopt;
    return seconds(std::min<std::uint64_t>(*count, static_cast<std::uint64_t>(kMaxWait.count())));
  }
  const std::size_t comma = text.find(", ");  // after the day of the week
  if (comma != 3) return std::nullopt;
  Reader reader(text.substr(comma + 2));
  Civil civil;
  civil.day = reader.number(2);
  reader.skip(" ");
  civil.month = reader.month();
  reader.skip(" ");
  civil.year = reader.number(4);
  reader.skip(" ");
  civil.hour = reader.number(2);
  reader.skip(":");
  civil.minute = reader.number(2);
  reader.skip(":");
  civil.second = reader.number(2);
  reader.skip(" GMT");
  const auto time = reader.is_at_end() ? time_at(civil) : std::nullopt;
  if (!time) return std::nullopt;
  return std::clamp(std::chrono::ceil<seconds>(*time - now), seconds(0), kMaxWait);
}

}  // namespace onehop::acme
