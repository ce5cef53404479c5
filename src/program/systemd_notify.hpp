// SPDX-License-Identifier: Apache-2.0
//
// ManagerSocket reports the state of a service to systemd: each report is one datagram of lines
// such as READY=1 (sd_notify(3)). It does not use libsystemd, which would bring five compression
// and encryption libraries into a process that faces the network.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>
#include <sys/un.h>

namespace onehop::program {

class ManagerSocket {
 public:
  // Discards reports.
  ManagerSocket() = default;
  // `name` is the value of NOTIFY_SOCKET: "/run/systemd/notify", or "@name" for an abstract socket.
  static Result<ManagerSocket> open(std::string_view name);

  bool is_open() const noexcept { return static_cast<bool>(socket_); }
  // Waits up to 3 s for a busy manager. If the report cannot be sent, it is lost, because a service
  // must not end because of its manager.
  void send(const std::string& state) const noexcept;

 private:
  io::FileDescriptor socket_;
  sockaddr_un address_{};
  socklen_t size_ = 0;
};

// Return the text of a report. `status` is one line for `systemctl status`; line breaks in it
// become spaces.
std::string ready_state(std::string_view status);
std::string status_state(std::string_view status);
std::string stopping_state(std::string_view status);
// Includes the time, without which systemd 253 and later never see the end of the reload.
std::string reloading_state(std::string_view status);
std::string watchdog_state();
// Names the main process of the service.
std::string main_state(pid_t main);

}  // namespace onehop::program
