// SPDX-License-Identifier: Apache-2.0
#include "observe/access_log.hpp"

#include "observe/exchange_text.hpp"

#include <system_error>
#include <utility>

#include <unistd.h>

namespace onehop::observe {
namespace {

using server::LineReport;

struct Message {
  LogLevel level;
  std::string text;
};

std::string lines_text(std::uint64_t lines) {
  return std::to_string(lines) + (lines == 1 ? " line" : " lines");
}

// Returns a text such as " could not be written (No space left on device)".
std::string why_lost(int error, std::string_view tense) {
  if (error == 0) return " was not read fast enough";
  return std::string(tense).append(" be written (").append(std::generic_category().message(error)) +
         ")";
}

Message message_about(const LineReport& report, const std::string& name) {
  switch (report.kind) {
    case LineReport::Kind::losing:
      return {LogLevel::error,
              "the access log loses lines: " + name + why_lost(report.error, " cannot")};
    case LineReport::Kind::recovered:
      return {LogLevel::warning, "the access log is written again; it lost " +
                                     lines_text(report.lines) + ": " + name +
                                     why_lost(report.error, " could not")};
    case LineReport::Kind::ended:
      return {LogLevel::warning, "the access log lost " + lines_text(report.lines) + ": " + name +
                                     why_lost(report.error, " could not")};
    case LineReport::Kind::reopened:
      return {LogLevel::info, "opened the access log again: " + name};
    case LineReport::Kind::not_reopened:
      return {
          LogLevel::error,
          "the access log cannot be opened again, so the old one stays in use: " + report.problem};
  }
  return {LogLevel::error, {}};
}

server::LineWriter::Options writer_options(AccessLog::Options& options) {
  server::LineWriter::Options made{.pause = options.pause, .report = {}};
  if (options.report) {
    made.report = [report = std::move(options.report),
                   name = options.name](const LineReport& what) {
      const Message message = message_about(what, name);
      report(message.level, message.text);
    };
  }
  return made;
}

}  // namespace

AccessLog::AccessLog(Options options)
    : format_(options.format),
      fields_(std::move(options.fields)),
      writer_(options.sink ? std::move(options.sink) : server::descriptor_sink(STDOUT_FILENO),
              writer_options(options)) {}

AccessLog::AccessLog(AccessLogFormat format, int descriptor, Duration pause)
    : AccessLog(Options{.format = format,
                        .fields = {},
                        .sink = server::descriptor_sink(descriptor),
                        .pause = pause,
                        .report = {}}) {}

void AccessLog::record(const ExchangeRecord& exchange) {
  if (!is_on()) return;
  thread_local std::string line;
  line.clear();
  const auto now = std::chrono::system_clock::now();
  const bool is_json = format_ == AccessLogFormat::json;
  if (fields_.empty()) {
    is_json ? append_json_line(line, exchange, now) : append_text_line(line, exchange, now);
  } else {
    is_json ? append_json_fields(line, fields_, exchange, now)
            : append_text_fields(line, fields_, exchange, now);
  }
  writer_.add(line);
}

}  // namespace onehop::observe
