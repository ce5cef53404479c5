// SPDX-License-Identifier: Apache-2.0
//
// AccessLogKeeper: the access log in use, and those that a reload has replaced: requests that began
// before it are still recorded in the old one.
// get(), reopen(), reopens() and lost() may be called from any thread.
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

  // `log` receives what happens to the access log, and outlives the keeper.
  explicit AccessLogKeeper(observe::Log& log) noexcept : log_(log) {}

  // Returns the log in use if its settings are the same, else a new one. Errors: Errc::bad_option
  // for a place that cannot be opened. The log in use does not change.
  Result<Prepared> prepare(const config::Configuration& configuration) const;
  void commit(Prepared prepared);
  // The log in use; null before the first commit(). From any thread.
  std::shared_ptr<observe::AccessLog> get() const;
  // The number of lines that were lost since the start, in all of them. From any thread.
  std::uint64_t lost() const;
  // Opens files and sockets again, after USR1: those of the log in use, and of earlier ones that
  // requests still write to. From any thread.
  void reopen();
  // How often it has done so. From any thread.
  std::uint64_t reopens() const;
  // Writes the rest of all of them, once no request is in progress.
  void finish() noexcept;

 private:
  std::vector<std::shared_ptr<observe::AccessLog>> unused_logs() const;

  observe::Log& log_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Prepared current_;
  std::vector<Prepared> old_;
  std::uint64_t lost_before_ = 0;  // by those that have ended
  std::uint64_t reopens_ = 0;
};

}  // namespace onehop::program
