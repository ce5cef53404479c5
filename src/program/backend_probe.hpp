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
};

ProbeResult probe_backend(const Url& backend, std::chrono::milliseconds patience);

}  // namespace onehop::program
