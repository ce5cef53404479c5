// SPDX-License-Identifier: Apache-2.0
//
// Log: what the operator should know, on standard error, written by a thread of its own. When more
// comes than can be written the oldest lines are dropped, so that nothing ever waits for a
// terminal. write() may be called from any thread; the destructor writes what is left.
#pragma once

#include <onehop/exchange.hpp>
#include <onehop/server.hpp>

#include <memory>
#include <string_view>

namespace onehop::program {

class Log {
 public:
  // Warnings and errors, or everything.
  explicit Log(bool verbose);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  void write(LogLevel level, std::string_view line);
  // One line when the exchange failed; nothing otherwise.
  void record_failure(const Exchange& exchange);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The fault of a client is information, that of the upstream a warning, our own an error.
LogLevel level_of_failure(const Exchange& exchange) noexcept;

}  // namespace onehop::program
