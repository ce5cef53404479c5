// SPDX-License-Identifier: Apache-2.0
#include "observe/log_destination.hpp"

#include "observe/syslog_socket.hpp"

#include <utility>

#include <unistd.h>

namespace onehop::observe {

std::string LogDestination::to_string() const {
  switch (kind) {
    case Kind::standard_output:
      return "stdout";
    case Kind::file:
      return path;
    case Kind::syslog:
      return path == kSyslogSocket ? "syslog" : "syslog:" + path;
  }
  return {};
}

std::string LogDestination::name() const {
  return kind == Kind::standard_output ? "standard output" : path;
}

Result<std::unique_ptr<server::LineSink>> open_destination(const LogDestination& destination,
                                                           std::optional<FileOwner> owner) {
  std::unique_ptr<server::LineSink> sink;
  std::string problem;
  switch (destination.kind) {
    case LogDestination::Kind::standard_output:
      return server::descriptor_sink(STDOUT_FILENO);
    case LogDestination::Kind::file: {
      auto file = std::make_unique<LogFile>(destination.path, owner);
      problem = file->reopen();
      sink = std::move(file);
      break;
    }
    case LogDestination::Kind::syslog: {
      auto socket = std::make_unique<SyslogSocket>(destination.path);
      problem = socket->reopen();
      sink = std::move(socket);
      break;
    }
  }
  if (!problem.empty()) {
    return failure(Errc::bad_option, Side::local, "the access log cannot be opened: " + problem);
  }
  return sink;
}

}  // namespace onehop::observe
