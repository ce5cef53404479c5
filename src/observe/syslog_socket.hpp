// SPDX-License-Identifier: Apache-2.0
//
// SyslogSocket sends each line as a message to the socket of the system's log, in the form of
// syslog(3): "<30>Nov 23 10:00:00 onehop[4711]: LINE". Syslog daemons and journald read that form.
// If the connection is lost because the daemon has restarted, the next message reconnects.
// Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"
#include "server/line_sink.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::observe {

class SyslogSocket final : public server::LineSink {
 public:
  // Longer messages are cut, since a message must fit into the buffer of the socket.
  static constexpr std::size_t kLongestMessage = 64UL * 1024;

  // Does not connect; call reopen().
  explicit SyslogSocket(std::string path);

  Written write(std::string_view text, std::size_t at_most) override;
  void wait_for_room(int milliseconds) override;
  std::string reopen() override;

 private:
  // Return 0, or an errno value.
  int connect();
  int send(std::string_view message) const;

  const std::string path_;
  io::FileDescriptor socket_;
  std::string message_;
};

}  // namespace onehop::observe
