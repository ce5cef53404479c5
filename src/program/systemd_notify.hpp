// SPDX-License-Identifier: Apache-2.0
//
// ManagerSocket: where a service reports its state to systemd: one datagram of lines like READY=1
// for each report (sd_notify(3)). Written by hand, because libsystemd would bring five compression
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
  // Reports go nowhere.
  ManagerSocket() = default;
  // `name`: NOTIFY_SOCKET: "/run/systemd/notify", or "@name" for an abstract one.
  static Result<ManagerSocket> open(std::string_view name);

  bool is_open() const noexcept { return static_cast<bool>(socket_); }
  // Waits a few seconds for a manager that is busy. A report that it does not take is lost: a
  // service must not end because of its manager.
  void send(const std::string& state) const noexcept;

 private:
  io::FileDescriptor socket_;
  sockaddr_un address_{};
  socklen_t size_ = 0;
};

// The states that are reported. `status` is one line for `systemctl status`; a line break in it
// becomes a blank.
std::string ready_state(std::string_view status);
std::string status_state(std::string_view status);
std::string stopping_state(std::string_view status);
// Includes the time; without it, systemd 253 and later never see the end of the reload.
std::string reloading_state(std::string_view status);
std::string watchdog_state();
// Which process is the service.
std::string main_state(pid_t main);

}  // namespace onehop::program
