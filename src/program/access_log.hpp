// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: collects the lines of all workers and writes them from a thread of its own: at once
// after a pause, so that whoever watches sees them come, and joined with others under load. A
// reader that does not keep up costs lines, never requests. record() may be called from any thread;
// the destructor writes what is left.
#pragma once

#include <onehop/exchange.hpp>

#include "program/configuration.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace onehop::program {

class AccessLog {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // `descriptor` is not closed. No thread is started when the format is off. Between two writes
  // there are at least `pause`, or 64 KiB.
  AccessLog(AccessLogFormat format,
            int descriptor,
            Duration pause = std::chrono::milliseconds(100));
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  void record(const Exchange& exchange);
  // Lines that found no room.
  std::uint64_t lost() const;

 private:
  void add(const std::string& line);
  void write_until_stopped(const std::stop_token& stop);

  const AccessLogFormat format_;
  const int descriptor_;
  const Duration pause_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string pending_;
  std::uint64_t lost_ = 0;
  std::jthread writer_;  // last: it uses everything above
};

}  // namespace onehop::program
