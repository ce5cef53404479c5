// SPDX-License-Identifier: Apache-2.0
//
// Bounds the memory that the proxy may hold during a run by the rows of the table under "Memory" in
// docs/operating.md, times the number of each.
// Thread: owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace onehop::fuzz {

struct Load {
  std::size_t h1_connections = 0;  // of clients and to backends
  std::size_t h2_connections = 0;
  std::size_t requests = 0;         // in progress
  std::size_t bodies = 0;           // of the requests, those whose content is not a tunnel's
  std::size_t tunnels = 0;          // the other requests
  std::size_t interims = 0;         // the requests to which 1xx were sent
  std::size_t client_streams = 0;   // of HTTP/2 clients
  std::size_t backend_streams = 0;  // of HTTP/2 backends
  std::uint64_t from_h2 = 0;        // content sent by HTTP/2 peers, by which windows grow
  std::size_t ceiling = 0;          // max_memory; 0 if there is none
};

// Aborts if more memory is held than the load allows.
void check_held(const Load& load);

// Runs `run` and checks that all memory held and promised during it was released. If free lists are
// enabled, it uses a new thread, whose end releases them.
void run_and_check_memory(const std::function<void()>& run);

}  // namespace onehop::fuzz
