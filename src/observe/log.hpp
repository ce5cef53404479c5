// SPDX-License-Identifier: Apache-2.0
//
// Log: one-line messages for the operator on standard error. A stuck reader delays neither requests
// nor the end of the process (server::LineWriter). The destructor writes the remaining lines.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>

#include "server/line_writer.hpp"

#include <atomic>
#include <string_view>

#include <unistd.h>

namespace onehop::observe {

class Log {
 public:
  // Logs warnings and errors, or everything if `verbose`, until set_level().
  explicit Log(bool verbose, int descriptor = STDERR_FILENO);

  // The lowest level that is written from now on.
  void set_level(LogLevel lowest) noexcept { lowest_.store(lowest, std::memory_order_relaxed); }
  LogLevel level() const noexcept { return lowest_.load(std::memory_order_relaxed); }
  // Lower levels are left out.
  void write(LogLevel level, std::string_view line);
  // Writes at any level: messages about the program itself, such as start and stop.
  void announce(std::string_view line, LogLevel level = LogLevel::info);
  // Logs a failed exchange as one line; does nothing if it succeeded.
  void record_failure(const ExchangeRecord& exchange);
  // How many lines were lost.
  std::uint64_t lost() const noexcept { return writer_.lost(); }

 private:
  bool shows(LogLevel level) const noexcept { return level >= this->level(); }

  std::atomic<LogLevel> lowest_;
  server::LineWriter writer_;
};

// A client's fault is information, the upstream's a warning, the proxy's an error.
LogLevel level_of_failure(const ExchangeRecord& exchange) noexcept;

// Prints an error when there is no log yet: on standard error, after "onehop: ". Does not wait for
// a stuck reader.
void print_error(std::string_view text);

}  // namespace onehop::observe
