// SPDX-License-Identifier: Apache-2.0
//
// ManagerEnvironment has the variables that systemd, or a service manager that speaks its
// protocols, passes to a service: where to report its state, how often to send a sign of life, and
// the sockets that the manager has opened (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
// Thread: owner.
#pragma once

#include "config/parsed.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace onehop::program {

struct InheritedSocket {
  std::string name;  // FileDescriptorName=
  int descriptor = -1;
  std::string address = {};  // "[::]:80"; "" if it is not a socket

  friend bool operator==(const InheritedSocket&, const InheritedSocket&) = default;
};

struct ManagerEnvironment {
  std::string notify_socket;              // "" without a manager
  std::chrono::microseconds watchdog{0};  // the longest time without a sign of life; 0 if unlimited
  std::vector<InheritedSocket> sockets;   // unchecked; closed on exec
};

// Returns an address such as "127.0.0.1:80" or "unix:/run/app.sock", or "" if it is not a socket.
std::string address_of_socket(int descriptor);

// Reads the variables and removes them from the environment, so it must be called before other
// threads start. Variables meant for another process, such as a parent shell, count as absent.
config::Parsed<ManagerEnvironment> take_manager_environment();

}  // namespace onehop::program
