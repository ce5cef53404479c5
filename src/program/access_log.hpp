// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: collects the lines of all workers and writes them from a thread of its own, within a
// second or when enough has come together. A reader that does not keep up costs lines, never
// requests. record() may be called from any thread; the destructor writes what is left.
#pragma once

#include <onehop/exchange.hpp>

#include "program/configuration.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace onehop::program {

class AccessLog {
 public:
  // `descriptor` is not closed. No thread is started when the format is off.
  AccessLog(AccessLogFormat format, int descriptor);
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

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string pending_;
  std::uint64_t lost_ = 0;
  std::jthread writer_;  // last: it uses everything above
};

}  // namespace onehop::program
