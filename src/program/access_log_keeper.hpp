// SPDX-License-Identifier: Apache-2.0
//
// AccessLogKeeper owns the access log in use and the logs that reloads have replaced. A request
// that began before a reload is still recorded in the log that was in use then. get(), reopen(),
// reopens(), lost() and finish() may be called from any thread.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "config/configuration.hpp"
#include "observe/access_log.hpp"
#include "observe/log.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onehop::program {

class AccessLogKeeper {
 public:
  // The log of a configuration that is not in use yet.
  struct Prepared {
    std::shared_ptr<observe::AccessLog> log;
    observe::AccessLogFormat format = observe::AccessLogFormat::off;
    observe::LogDestination destination = {};
    std::vector<std::string> fields = {};
  };

  // `log` receives messages about the access log and must outlive the keeper.
  explicit AccessLogKeeper(observe::Log& log) noexcept : log_(log) {}

  // Returns the log in use if its settings are the same, else a new log. The log in use does not
  // change. Errors: Errc::bad_option if the destination cannot be opened.
  Result<Prepared> prepare(const config::Configuration& configuration) const;
  void commit(Prepared prepared);
  // Returns the log in use, or null before the first commit(). May be called from any thread.
  std::shared_ptr<observe::AccessLog> get() const;
  // Returns the number of lines lost since the start, in all logs. May be called from any thread.
  std::uint64_t lost() const;
  // Reopens the files and sockets of the log in use and of replaced logs that requests still write
  // to, after USR1. May be called from any thread.
  void reopen();
  // Returns how many calls of reopen() have reopened a log. May be called from any thread.
  std::uint64_t reopens() const;
  // Writes the remaining lines of every log. No request may be in progress, but a commit() may. May
  // be called from any thread.
  void finish() noexcept;

 private:
  std::vector<std::shared_ptr<observe::AccessLog>> unused_logs() const;

  observe::Log& log_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Prepared current_;
  std::vector<Prepared> old_;
  std::uint64_t lost_before_ = 0;  // of the logs that have ended
  std::uint64_t reopens_ = 0;
};

}  // namespace onehop::program
