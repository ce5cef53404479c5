// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: writes one line for each exchange of all workers. After a pause a line is written
// immediately, so that an observer sees it; under load lines are written together. A slow
// reader loses lines but never delays requests. The destructor writes the remaining lines but
// does not wait for a reader that has stopped.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "program/configuration.hpp"
#include "server/line_writer.hpp"

#include <chrono>
#include <cstdint>

namespace onehop::program {

class AccessLog {
 public:
  using Duration = server::LineWriter::Duration;

  // `descriptor` is not closed. If the format is off, no thread is started. Two writes are at least
  // `pause` or 64 KiB apart.
  AccessLog(AccessLogFormat format,
            int descriptor,
            Duration pause = std::chrono::milliseconds(100));

  bool is_on() const noexcept { return format_ != AccessLogFormat::off; }
  void record(const ExchangeRecord& exchange);
  // Writes the remaining lines, for a few seconds at most.
  void finish() noexcept { writer_.finish(); }
  // Lines dropped because the buffer was full or the write failed.
  std::uint64_t lost() const noexcept { return writer_.lost(); }
  int write_error() const noexcept { return writer_.write_error(); }

 private:
  const AccessLogFormat format_;
  server::LineWriter writer_;
};

}  // namespace onehop::program
