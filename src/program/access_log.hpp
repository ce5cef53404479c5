// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: a line for each exchange, of all workers: written at once after a pause, so that
// whoever watches sees them come, and joined with others under load. A reader that does not keep up
// costs lines, never requests. record() may be called from any thread; the destructor writes what
// is left, but does not wait for a reader that is stuck.
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

  // `descriptor` is not closed. No thread is started when the format is off. Between two writes
  // there are at least `pause`, or 64 KiB.
  AccessLog(AccessLogFormat format,
            int descriptor,
            Duration pause = std::chrono::milliseconds(100));

  bool is_on() const noexcept { return format_ != AccessLogFormat::off; }
  void record(const ExchangeRecord& exchange);
  // Writes what is left, for a few seconds at most.
  void finish() noexcept { writer_.finish(); }
  // Lines that found no room or could not be written.
  std::uint64_t lost() const noexcept { return writer_.lost(); }
  int write_error() const noexcept { return writer_.write_error(); }

 private:
  const AccessLogFormat format_;
  server::LineWriter writer_;
};

}  // namespace onehop::program
