// SPDX-License-Identifier: Apache-2.0
//
// ManagerEnvironment: what systemd, or a service manager that speaks its protocols, passes to a
// service in variables: where to report its state, how often to prove that it lives, and the
// sockets that it opened for it (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
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
  std::string notify_socket;              // "": there is no manager
  std::chrono::microseconds watchdog{0};  // the longest time without a sign of life; 0: any
  std::vector<InheritedSocket> sockets;   // not checked, closed on exec
};

// "127.0.0.1:80", "unix:/run/app.sock"; "" if it is not a socket.
std::string address_of_socket(int descriptor);

// Reads the variables and removes them from the environment, so it comes before other threads.
// Those that are meant for another process, such as a parent shell, count as absent.
config::Parsed<ManagerEnvironment> take_manager_environment();

}  // namespace onehop::program
