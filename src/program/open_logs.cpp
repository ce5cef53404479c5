// SPDX-License-Identifier: Apache-2.0
#include "program/open_logs.hpp"

#include "observe/log_destination.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::program {

bool can_be_opened_again(observe::AccessLogFormat format,
                         const observe::LogDestination& destination) {
  return format != observe::AccessLogFormat::off &&
         destination.kind != observe::LogDestination::Kind::standard_output;
}

Result<std::unique_ptr<observe::AccessLog>> open_access_log(
    const config::Configuration& configuration, observe::Log& log) {
  observe::LogFields fields;
  for (const std::string& name : configuration.access_log_fields)
    fields.push_back(observe::find_log_field(name));
  observe::AccessLog::Options options{
      .format = configuration.access_log,
      .fields = std::move(fields),
      .name = configuration.access_log_to.name(),
      .report = [&log](LogLevel level, std::string_view line) { log.announce(line, level); }};
  if (can_be_opened_again(configuration.access_log, configuration.access_log_to)) {
    std::optional<observe::FileOwner> owner;
    if (configuration.user) owner = {configuration.user->user, configuration.user->group};
    auto sink = observe::open_destination(configuration.access_log_to, owner);
    if (!sink) return failure(sink.error());
    options.sink = std::move(*sink);
  }
  return std::make_unique<observe::AccessLog>(std::move(options));
}

Result<std::shared_ptr<observe::TraceExporter>> start_traces(
    const config::Configuration& configuration, observe::Log& log) {
  if (!configuration.trace) return std::shared_ptr<observe::TraceExporter>();
  auto started = observe::TraceExporter::start(
      {.collector = *configuration.trace,
       .report = [&log](LogLevel level, std::string_view line) { log.announce(line, level); }});
  if (!started) return failure(started.error());
  return std::shared_ptr<observe::TraceExporter>(std::move(*started));
}

}  // namespace onehop::program
