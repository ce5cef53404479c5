// SPDX-License-Identifier: Apache-2.0
#include "program/exchange_text.hpp"

#include "base/json_text.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <ctime>
#include <optional>
#include <string_view>

namespace onehop::program {
namespace {

using server::append_escaped;
using server::append_failure_text;
using server::append_log_value;
using server::append_request_line;
using server::name_of;

constexpr int kClientGone = 499;

int logged_status(const ExchangeRecord& exchange) {
  return exchange.outcome == Outcome::client_gone ? kClientGone : exchange.status;
}

std::string_view name_of(Outcome outcome) {
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

// The duration of each part, in the order they happen.
struct Part {
  std::string_view name;
  Time from;
  Time to;

  // Returns std::nullopt if either end did not happen, zero if the response overtook the rest of
  // its request.
  std::optional<std::chrono::microseconds> duration() const {
    if (from == Time{} || to == Time{}) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::max(to - from, Time::duration::zero()));
  }
};

std::array<Part, 6> parts_of(const ExchangeRecord& exchange) {
  return {{{"total", exchange.began, exchange.ended},
           {"head", exchange.began, exchange.head_received},
           {"connect", exchange.head_received, exchange.upstream_chosen},
           {"send", exchange.upstream_chosen, exchange.request_sent},
           {"wait", exchange.request_sent, exchange.response_began},
           {"receive", exchange.response_began, exchange.ended}}};
}

void append_number(std::string& line, std::integral auto number) {
  std::array<char, 24> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), number);
  line.append(text.data(), end);
}

void append_three_digits(std::string& line, int number) {
  if (number < 100) line += '0';
  if (number < 10) line += '0';
  append_number(line, number);
}

// "12.345"
void append_milliseconds(std::string& line, std::chrono::microseconds duration) {
  append_number(line, duration.count() / 1000);
  line += '.';
  append_three_digits(line, static_cast<int>(duration.count() % 1000));
}

// Cached: the calendar is computed once per second on each thread.
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

std::string_view common_log_time(std::time_t second) {
  return once_a_second(second, [](std::time_t at, std::array<char, 40>& text) {
    std::tm fields{};
    ::localtime_r(&at, &fields);
    return std::strftime(text.data(), text.size(), "%d/%b/%Y:%H:%M:%S %z", &fields);
  });
}

std::string_view iso_time(std::time_t second) {
  return once_a_second(second, [](std::time_t at, std::array<char, 40>& text) {
    std::tm fields{};
    ::gmtime_r(&at, &fields);
    return std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &fields);
  });
}

// Writes a hyphen if the text is absent; a hyphen that was sent is escaped.
void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  if (text.empty()) {
    line += '-';
  } else if (text == "-") {
    line += "\\x2d";
  } else {
    append_escaped(line, text);
  }
  line += '"';
}

void append_pair_if_there(std::string& line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  line += name;
  append_log_value(line, value);
}

}  // namespace

void append_text_line(std::string& line, const ExchangeRecord& exchange, WallTime now) {
  line += exchange.client.empty() ? "-" : exchange.client;
  line += " - - [";
  line += common_log_time(std::chrono::system_clock::to_time_t(now));
  line += "] ";
  append_request_line(line, exchange);
  line += ' ';
  append_number(line, logged_status(exchange));
  line += ' ';
  append_number(line, exchange.response_body);
  line += ' ';
  append_quoted(line, exchange.referer);
  line += ' ';
  append_quoted(line, exchange.user_agent);
  line += " host=";
  append_log_value(line, exchange.host);
  if (exchange.peer != exchange.client) {
    line += " peer=";
    append_log_value(line, exchange.peer);
  }
  append_pair_if_there(line, " request_id=", exchange.request_id);
  append_pair_if_there(line, " trace_id=", exchange.trace_id);
  line += " upstream=";
  append_log_value(line, exchange.upstream);
  line += " attempts=";
  append_number(line, exchange.attempts);
  line += exchange.reused ? " reused=yes" : " reused=no";
  for (const Part& part : parts_of(exchange)) {
    const auto duration = part.duration();
    if (!duration) continue;
    line += ' ';
    line += part.name;
    line += '=';
    append_milliseconds(line, *duration);
  }
  line += " outcome=";
  line += name_of(exchange.outcome);
  if (exchange.failure) {
    line += " failure=\"";
    append_failure_text(line, *exchange.failure);
    line += '"';
  }
  line += '\n';
}

namespace {

void append_json_times(std::string& line, const ExchangeRecord& exchange) {
  line += ",\"ms\":{";
  for (const Part& part : parts_of(exchange)) {
    if (line.back() != '{') line += ',';
    line += '"';
    line += part.name;
    line += "\":";
    if (const auto duration = part.duration()) {
      append_milliseconds(line, *duration);
    } else {
      line += "null";
    }
  }
  line += '}';
}

void append_json_failure(std::string& line, const std::optional<Error>& failure) {
  line += ",\"failure\":";
  if (!failure) {
    line += "null";
    return;
  }
  line += "{\"side\":\"";
  line += name_of(failure->side());
  line += "\",\"phase\":";
  append_json_string_or_null(line, to_string(failure->phase()));
  std::string reason = failure->code().message();
  if (!failure->detail().empty()) reason.append(" (").append(failure->detail()).append(")");
  line += ",\"reason\":";
  append_json_string(line, reason);
  line += '}';
}

void append_json_text(std::string& line, std::string_view name, std::string_view text) {
  line += ",\"";
  line += name;
  line += "\":";
  append_json_string_or_null(line, text);
}

void append_json_number(std::string& line, std::string_view name, std::integral auto number) {
  line += ",\"";
  line += name;
  line += "\":";
  append_number(line, number);
}

void append_json_truth(std::string& line, std::string_view name, bool truth) {
  line += ",\"";
  line += name;
  line += truth ? "\":true" : "\":false";
}

}  // namespace

void append_json_line(std::string& line, const ExchangeRecord& exchange, WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const auto fraction = std::chrono::duration_cast<std::chrono::milliseconds>(now - second);
  line += "{\"time\":\"";
  line += iso_time(std::chrono::system_clock::to_time_t(second));
  line += '.';
  append_three_digits(line, static_cast<int>(fraction.count()));
  line += "Z\"";
  const bool has_head = !exchange.target.empty();
  append_json_text(line, "client", exchange.client);
  append_json_text(line, "peer", exchange.peer);
  append_json_text(line, "method", has_head ? exchange.method.text() : "");
  append_json_text(line, "target", exchange.target);
  append_json_text(line, "version", has_head ? to_string(exchange.version) : "");
  append_json_text(line, "host", exchange.host);
  append_json_number(line, "status", logged_status(exchange));
  append_json_text(line, "outcome", name_of(exchange.outcome));
  append_json_number(line, "request_body", exchange.request_body);
  append_json_number(line, "response_body", exchange.response_body);
  append_json_truth(line, "upgraded", exchange.upgraded);
  append_json_text(line, "referer", exchange.referer);
  append_json_text(line, "user_agent", exchange.user_agent);
  append_json_text(line, "request_id", exchange.request_id);
  append_json_text(line, "trace_id", exchange.trace_id);
  append_json_text(line, "upstream", exchange.upstream);
  append_json_number(line, "attempts", exchange.attempts);
  append_json_truth(line, "reused", exchange.reused);
  append_json_times(line, exchange);
  append_json_failure(line, exchange.failure);
  line += "}\n";
}

}  // namespace onehop::program
