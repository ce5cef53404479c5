// SPDX-License-Identifier: Apache-2.0
//
// AccessLog writes one line for each exchange of all workers. It writes the first line after a
// pause immediately, so that an observer sees it, and under load writes several lines at once. A
// slow reader loses lines but never delays requests. The destructor writes the remaining lines but
// does not wait for a reader that has stopped.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>

#include "observe/log_fields.hpp"
#include "observe/log_format.hpp"
#include "server/line_writer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace onehop::observe {

class AccessLog {
 public:
  using Duration = server::LineWriter::Duration;

  struct Options {
    AccessLogFormat format = AccessLogFormat::text;
    // The fields of a line, in order; see log_fields.hpp. Empty: the default line of the format.
    LogFields fields = {};
    // Receives the lines; standard output if null. See open_destination().
    std::unique_ptr<server::LineSink> sink = {};
    std::string name = "standard output";  // of the sink, for messages
    // Two writes are at least `pause` or 64 KiB apart.
    Duration pause = std::chrono::milliseconds(100);
    // Receives messages about lost lines and about reopen(). May be called on any thread until
    // finish() has returned.
    std::function<void(LogLevel, std::string_view)> report = {};
  };

  // Starts a thread, unless the format is off.
  explicit AccessLog(Options options);
  // Writes to a descriptor, which the AccessLog does not close.
  AccessLog(AccessLogFormat format,
            int descriptor,
            Duration pause = std::chrono::milliseconds(100));

  bool is_on() const noexcept { return format_ != AccessLogFormat::off; }
  void record(const ExchangeRecord& exchange);
  // Opens the file or the socket again once the lines recorded so far are written, and logs the
  // result with Options::report. Returns immediately.
  void reopen() noexcept { writer_.reopen(); }
  // Writes the remaining lines, for a few seconds at most.
  void finish() noexcept { writer_.finish(); }
  // Returns the number of lines dropped because the buffer was full or a write failed.
  std::uint64_t lost() const noexcept { return writer_.lost(); }

 private:
  const AccessLogFormat format_;
  const LogFields fields_;
  server::LineWriter writer_;
};

}  // namespace onehop::observe
