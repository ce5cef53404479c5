// SPDX-License-Identifier: Apache-2.0
//
// Probes a backend once without the library: resolves its name and tries to connect. Blocks.
// Thread: any.
#pragma once

#include "config/tables.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace onehop::program {

struct ProbeResult {
  std::vector<std::string> addresses;  // without ports; empty for a unix socket
  std::string problem;                 // "" if the backend accepted a connection
  std::string reached = {};            // the accepting address, as in Server::addresses(), or ""
  bool is_this_machine = false;        // `reached` is an address of this machine
  // This machine is short of a resource, so `problem` says nothing about the backend.
  bool is_inconclusive = false;
};

// Reports whether the probed address is one of `listeners`, which are a Server's addresses().
bool leads_back_to(const std::vector<std::string>& listeners, const ProbeResult& probe);

ProbeResult probe_backend(const config::NamedBackend& backend, std::chrono::milliseconds patience);

}  // namespace onehop::program
