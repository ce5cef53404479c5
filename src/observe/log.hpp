// SPDX-License-Identifier: Apache-2.0
//
// Log writes one-line messages for the operator to standard error. A stuck reader delays neither
// requests nor the end of the process (server::LineWriter). The destructor writes the remaining
// lines.
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

  // Sets the lowest level that is written.
  void set_level(LogLevel lowest) noexcept { lowest_.store(lowest, std::memory_order_relaxed); }
  LogLevel level() const noexcept { return lowest_.load(std::memory_order_relaxed); }
  // Writes the line unless its level is lower than level().
  void write(LogLevel level, std::string_view line);
  // Writes a message about the program itself, such as start and stop, regardless of level().
  void announce(std::string_view line, LogLevel level = LogLevel::info);
  // Logs a failed exchange as one line; does nothing if it succeeded.
  void record_failure(const ExchangeRecord& exchange);
  // Returns the number of lost lines.
  std::uint64_t lost() const noexcept { return writer_.lost(); }

 private:
  bool shows(LogLevel level) const noexcept { return level >= this->level(); }

  std::atomic<LogLevel> lowest_;
  server::LineWriter writer_;
};

// Returns info for a failure on the client's side, warning for the upstream's, error for the
// proxy's.
LogLevel level_of_failure(const ExchangeRecord& exchange) noexcept;

// Prints an error to standard error, after "onehop: ", if there is no Log yet. Does not wait for a
// stuck reader.
void print_error(std::string_view text);

}  // namespace onehop::observe
