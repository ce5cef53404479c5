// SPDX-License-Identifier: Apache-2.0
//
// Probes the backend once, without the library: the addresses of its name, and whether it accepts a
// connection. Blocks.
// Thread: any.
#pragma once

#include "config/tables.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace onehop::program {

struct ProbeResult {
  std::vector<std::string> addresses;  // without ports; empty for a unix socket
  std::string problem;                 // empty when the backend accepted a connection
  std::string reached = {};      // the address that did, as a Server's addresses(); "" for none
  bool is_this_machine = false;  // the address is one of this machine's
};

// Reports whether the probed address is one of `listeners`, which are a Server's addresses().
bool leads_back_to(const std::vector<std::string>& listeners, const ProbeResult& probe);

ProbeResult probe_backend(const config::NamedBackend& backend, std::chrono::milliseconds patience);

}  // namespace onehop::program
