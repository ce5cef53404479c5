// SPDX-License-Identifier: Apache-2.0
//
// Log: what the operator should know, on standard error, in one form of line. Nobody waits for its
// reader, not even the end of the process (server::LineWriter). Any thread; the destructor writes
// what is left.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>

#include "server/line_writer.hpp"

#include <string_view>

#include <unistd.h>

namespace onehop::program {

class Log {
 public:
  // Warnings and errors, or everything.
  explicit Log(bool verbose, int descriptor = STDERR_FILENO);

  // What is less than a warning only when verbose.
  void write(LogLevel level, std::string_view line);
  // Whatever its level: what the program itself does, such as to start and to stop.
  void announce(std::string_view line, LogLevel level = LogLevel::info);
  // One line when the exchange failed; nothing otherwise.
  void record_failure(const ExchangeRecord& exchange);

 private:
  bool shows(LogLevel level) const noexcept { return verbose_ || level >= LogLevel::warning; }

  const bool verbose_;
  server::LineWriter writer_;
};

// The fault of a client is information, that of the upstream a warning, our own an error.
LogLevel level_of_failure(const ExchangeRecord& exchange) noexcept;

// What is left to say when nothing has begun: on standard error, "onehop: " in front of it. Does
// not wait for a reader that is stuck.
void print_error(std::string_view text);

}  // namespace onehop::program
