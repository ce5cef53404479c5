// SPDX-License-Identifier: Apache-2.0
//
// The values of an exchange that the access log, the metrics and the traces report. The functions
// are inline because most are called for every request.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::observe {

using WallTime = std::chrono::system_clock::time_point;

inline constexpr int kClientGone = 499;

// Returns the status of the response; 499 if the client left first, 0 if nothing was sent.
inline int reported_status(const ExchangeRecord& exchange) noexcept {
  return exchange.outcome == Outcome::client_gone ? kClientGone : exchange.status;
}

// Reports whether the head could be parsed. Otherwise there is no target, and other members have
// their defaults.
inline bool has_head(const ExchangeRecord& exchange) noexcept {
  return !exchange.target.empty();
}

inline std::string_view text_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::complete:
      return "complete";
    case Outcome::client_gone:
      return "client_gone";
    case Outcome::aborted:
      return "aborted";
  }
  return "";
}

inline std::string_view scheme_of(const ExchangeRecord& exchange) {
  return exchange.tls ? "https" : "http";
}

// One part of an exchange, and its begin and end.
struct Part {
  std::string_view name;
  Time from;
  Time to;

  // Returns std::nullopt if the part has not begun or ended, and zero if it ended before it began,
  // as when a response overtakes the rest of its request.
  std::optional<std::chrono::microseconds> duration() const {
    if (from == Time{} || to == Time{}) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::max(to - from, Time::duration::zero()));
  }
};

inline std::array<Part, 6> parts_of(const ExchangeRecord& exchange) {
  return {{{"total", exchange.began, exchange.ended},
           {"head", exchange.began, exchange.head_received},
           {"connect", exchange.head_received, exchange.upstream_chosen},
           {"send", exchange.upstream_chosen, exchange.request_sent},
           {"wait", exchange.request_sent, exchange.response_began},
           {"receive", exchange.response_began, exchange.ended}}};
}

inline void append_number(std::string& line, std::integral auto number) {
  std::array<char, 24> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), number);
  line.append(text.data(), end);
}

inline void append_three_digits(std::string& line, int number) {
  if (number < 100) line += '0';
  if (number < 10) line += '0';
  append_number(line, number);
}

// "12.345"
inline void append_milliseconds(std::string& line, std::chrono::microseconds duration) {
  append_number(line, duration.count() / 1000);
  line += '.';
  append_three_digits(line, static_cast<int>(duration.count() % 1000));
}

// Returns the text that `calendar` makes of `second`. Each thread caches the text, so that it calls
// `calendar` once per second.
template <class Calendar>
std::string_view once_a_second(std::time_t second, Calendar calendar) {
  thread_local std::time_t known = -1;
  thread_local std::array<char, 40> text;
  thread_local std::size_t size = 0;
  if (second != known) {
    size = calendar(second, text);
    known = second;
  }
  return {text.data(), size};
}

inline std::string_view iso_time(std::time_t second) {
  return once_a_second(second, [](std::time_t at, std::array<char, 40>& text) {
    std::tm fields{};
    ::gmtime_r(&at, &fields);
    return std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &fields);
  });
}

// "2026-11-23T10:00:00.123Z"
inline void append_utc_time(std::string& line, WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const auto fraction = std::chrono::duration_cast<std::chrono::milliseconds>(now - second);
  line += iso_time(std::chrono::system_clock::to_time_t(second));
  line += '.';
  append_three_digits(line, static_cast<int>(fraction.count()));
  line += 'Z';
}

// "Connection refused (to 10.0.0.7)"
inline std::string reason_of(const Error& failure) {
  std::string reason = failure.code().message();
  if (!failure.detail().empty()) reason.append(" (").append(failure.detail()).append(")");
  return reason;
}

}  // namespace onehop::observe
