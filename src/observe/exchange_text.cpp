// SPDX-License-Identifier: Apache-2.0
#include "observe/exchange_text.hpp"

#include "base/json_text.hpp"
#include "observe/exchange_values.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <array>
#include <concepts>
#include <ctime>
#include <optional>
#include <string_view>

namespace onehop::observe {
namespace {

using server::append_escaped;
using server::append_failure_text;
using server::append_log_value;
using server::append_request_line;
using server::name_of;

std::string_view common_log_time(std::time_t second) {
  return once_a_second(second, [](std::time_t at, std::array<char, 40>& text) {
    std::tm fields{};
    ::localtime_r(&at, &fields);
    return std::strftime(text.data(), text.size(), "%d/%b/%Y:%H:%M:%S %z", &fields);
  });
}

// Appends a hyphen if the text is empty. A hyphen that was sent is escaped.
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
  append_number(line, reported_status(exchange));
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
  line += text_of(exchange.outcome);
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

void append_json_failure(std::string& line, const std::optional<Error>& failure) {
  if (!failure) {
    line += "null";
    return;
  }
  line += "{\"side\":\"";
  line += name_of(failure->side());
  line += "\",\"phase\":";
  append_json_string_or_null(line, to_string(failure->phase()));
  line += ",\"reason\":";
  append_json_string(line, reason_of(*failure));
  line += '}';
}

void append_json_line(std::string& line, const ExchangeRecord& exchange, WallTime now) {
  line += "{\"time\":\"";
  append_utc_time(line, now);
  line += '"';
  append_json_text(line, "client", exchange.client);
  append_json_text(line, "peer", exchange.peer);
  append_json_text(line, "method", has_head(exchange) ? exchange.method.text() : "");
  append_json_text(line, "target", exchange.target);
  append_json_text(line, "version", has_head(exchange) ? to_string(exchange.version) : "");
  append_json_text(line, "host", exchange.host);
  append_json_number(line, "status", reported_status(exchange));
  append_json_text(line, "outcome", text_of(exchange.outcome));
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
  line += ",\"failure\":";
  append_json_failure(line, exchange.failure);
  append_json_text(line, "scheme", has_head(exchange) ? scheme_of(exchange) : "");
  append_json_text(line, "route", exchange.route);
  const TlsInfo* const tls = exchange.tls_info;
  append_json_text(line, "tls_version", tls ? tls->version : "");
  append_json_text(line, "tls_cipher", tls ? tls->cipher : "");
  line += "}\n";
}

}  // namespace onehop::observe
