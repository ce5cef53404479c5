// SPDX-License-Identifier: Apache-2.0
//
// What the proxy may hold at a moment of a run: the rows of the table under "Memory" in
// docs/operating.md, times what there is of each. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace onehop::fuzz {

struct Load {
  std::size_t h1_connections = 0;  // of clients and to backends
  std::size_t h2_connections = 0;
  std::size_t requests = 0;         // in progress
  std::size_t bodies = 0;           // of them, those whose content is not a tunnel's
  std::size_t tunnels = 0;          // the others
  std::size_t interims = 0;         // those to which 1xx were sent
  std::size_t client_streams = 0;   // of HTTP/2
  std::size_t backend_streams = 0;  // the same
  std::uint64_t from_h2 = 0;  // content that peers of HTTP/2 have sent: windows grow with that
  std::size_t ceiling = 0;    // max_memory; 0: none
};

// Aborts when more is held than that.
void check_held(const Load& load);

// Runs `run`, which leaves nothing behind: what was held and promised for it must be given back.
// Where free lists are kept it runs on a thread of its own, which ends with them.
void run_and_check_memory(const std::function<void()>& run);

}  // namespace onehop::fuzz
