// SPDX-License-Identifier: Apache-2.0
#include "program/access_log.hpp"

#include "program/exchange_text.hpp"

#include <string>

namespace onehop::program {

AccessLog::AccessLog(AccessLogFormat format, int descriptor, Duration pause)
    : format_(format), writer_(descriptor, pause) {}

void AccessLog::record(const ExchangeRecord& exchange) {
  if (!is_on()) return;
  thread_local std::string line;
  line.clear();
  const auto now = std::chrono::system_clock::now();
  if (format_ == AccessLogFormat::json) {
    append_json_line(line, exchange, now);
  } else {
    append_text_line(line, exchange, now);
  }
  writer_.add(line);
}

}  // namespace onehop::program
