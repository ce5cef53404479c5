// SPDX-License-Identifier: Apache-2.0
#include "observe/log.hpp"

#include "observe/failure_reason.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <chrono>
#include <string>

namespace onehop::observe {

Log::Log(bool verbose, int descriptor)
    : lowest_(verbose ? LogLevel::debug : LogLevel::warning), writer_(descriptor) {}

void Log::write(LogLevel level, std::string_view line) {
  if (shows(level)) announce(line, level);
}

void Log::announce(std::string_view line, LogLevel level) {
  std::string text;
  server::append_log_line(text, level, line, std::chrono::system_clock::now());
  writer_.add(text);
}

void Log::record_failure(const ExchangeRecord& exchange) {
  if (!has_failed(exchange)) return;
  const LogLevel level = level_of_failure(exchange);
  if (shows(level)) announce(server::describe_failure(exchange), level);
}

LogLevel level_of_failure(const ExchangeRecord& exchange) noexcept {
  if (exchange.outcome == Outcome::client_gone) return LogLevel::info;
  if (!exchange.failure) return LogLevel::warning;
  if (exchange.failure->is(Errc::cancelled)) return LogLevel::warning;  // a shutdown has ended it
  if (exchange.failure->is(Errc::overloaded)) return LogLevel::info;    // reported once for all
  switch (exchange.failure->side()) {
    case Side::client:
      return LogLevel::info;
    case Side::upstream:
      return LogLevel::warning;
    case Side::local:
      return LogLevel::error;
  }
  return LogLevel::error;
}

void print_error(std::string_view text) {
  server::LineWriter(STDERR_FILENO).add("onehop: " + std::string(text) + "\n");
}

}  // namespace onehop::observe
