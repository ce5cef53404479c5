// SPDX-License-Identifier: Apache-2.0
//
// LogDestination names the place that the access log is written to: standard output, a file, or the
// system's log.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>

#include "observe/log_file.hpp"
#include "server/line_sink.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace onehop::observe {

struct LogDestination {
  enum class Kind : std::uint8_t { standard_output, file, syslog };
  // The socket of the system's log, which syslog daemons and journald read.
  static constexpr const char* kSyslogSocket = "/dev/log";

  Kind kind = Kind::standard_output;
  std::string path = {};  // of the file or the socket

  // Returns "stdout", "/var/log/onehop/access.log", "syslog" or "syslog:/run/log.sock".
  std::string to_string() const;
  // Returns the name for messages: "standard output", "/var/log/onehop/access.log" or "/dev/log".
  std::string name() const;
  bool operator==(const LogDestination&) const = default;
};

// Opens a destination. If the process is going to change its account, `owner` is the new account: a
// file that is created belongs to it, and a symbolic link is not followed. Returns Errc::bad_option
// if the destination cannot be opened; its detail is one line with the reason.
Result<std::unique_ptr<server::LineSink>> open_destination(const LogDestination& destination,
                                                           std::optional<FileOwner> owner);

}  // namespace onehop::observe
