// SPDX-License-Identifier: Apache-2.0
//
// One look at the backend from outside the library: what its name resolves to and whether it
// accepts a connection now. Blocks; for a thread that may.
#pragma once

#include <onehop/url.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace onehop::program {

struct ProbeResult {
  std::vector<std::string> addresses;  // without ports; empty for a unix socket
  std::string problem;                 // empty when the backend accepted a connection
  std::string reached = {};      // the address that did, as a Server's addresses(); "" for none
  bool is_this_machine = false;  // it has the address the connection came from
};

// Whether that address is one of these, which are a Server's addresses().
bool leads_back_to(const std::vector<std::string>& listeners, const ProbeResult& probe);

ProbeResult probe_backend(const Url& backend, std::chrono::milliseconds patience);

}  // namespace onehop::program
