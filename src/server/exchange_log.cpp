// SPDX-License-Identifier: Apache-2.0
#include "server/exchange_log.hpp"

#include "server/log_text.hpp"

#include <utility>

namespace onehop::server {
namespace {

// Escapes blanks, too, so that the line has three words: a refused target may contain blanks.
void append_word(std::string& line, std::string_view text) {
  for (;;) {
    const std::size_t blank = text.find(' ');
    append_escaped(line, text.substr(0, blank));
    if (blank == std::string_view::npos) return;
    line += "\\x20";
    text.remove_prefix(blank + 1);
  }
}

}  // namespace

std::string_view name_of(Side side) noexcept {
  switch (side) {
    case Side::local:
      return "proxy";
    case Side::client:
      return "client";
    case Side::upstream:
      return "upstream";
  }
  return "";
}

void append_failure_text(std::string& line, const Error& failure) {
  line += name_of(failure.side());
  line += ' ';
  append_escaped(line, failure.to_string());
}

void append_request_line(std::string& line, const ExchangeRecord& exchange) {
  line += '"';
  if (exchange.target.empty()) {
    line += '-';  // no head was understood
  } else {
    append_escaped(line, exchange.method.text());
    line += ' ';
    append_word(line, exchange.target);
    line += ' ';
    line += to_string(exchange.version);
  }
  line += '"';
}

std::string describe_failure(const ExchangeRecord& exchange) {
  std::string line = "client=";
  append_log_value(line, exchange.client);
  if (exchange.peer != exchange.client) {
    line += " peer=";
    append_log_value(line, exchange.peer);
  }
  line += " request=";
  append_request_line(line, exchange);
  line += " status=" + std::to_string(exchange.status);
  if (exchange.failure) {
    line += " failure=\"";
    append_failure_text(line, *exchange.failure);
    line += '"';
  }
  for (const auto& [name, value] : {std::pair(" request_id=", exchange.request_id),
                                    std::pair(" trace_id=", exchange.trace_id)}) {
    if (value.empty()) continue;
    line += name;
    append_log_value(line, value);
  }
  line += " upstream=";
  append_log_value(line, exchange.upstream);
  return line += " attempts=" + std::to_string(exchange.attempts);
}

}  // namespace onehop::server
