// SPDX-License-Identifier: Apache-2.0
//
// SyslogSocket: sends each line as a message to the socket of the system's log, in the form of
// syslog(3): "<30>Nov 23 10:00:00 onehop[4711]: LINE", which syslog daemons and journald read. A
// connection that was lost, since the daemon has started again, is made again with the next
// message. Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"
#include "server/line_sink.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::observe {

class SyslogSocket final : public server::LineSink {
 public:
  // A longer message is cut: a socket takes no more than its buffer in one piece.
  static constexpr std::size_t kLongestMessage = 64UL * 1024;

  // Connects to nothing yet: that is reopen().
  explicit SyslogSocket(std::string path);

  Written write(std::string_view text, std::size_t at_most) override;
  void wait_for_room(int milliseconds) override;
  std::string reopen() override;

 private:
  // Return 0, or why not, as errno has it.
  int connect();
  int send(std::string_view message) const;

  const std::string path_;
  io::FileDescriptor socket_;
  std::string message_;
};

}  // namespace onehop::observe
