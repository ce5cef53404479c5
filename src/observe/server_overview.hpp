// SPDX-License-Identifier: Apache-2.0
//
// ServerOverview adds the state of a Server to an Overview: requests in flight, tunnels,
// connections, memory, workers.
// Thread: owner.
#pragma once

#include <onehop/server.hpp>

#include "observe/overview.hpp"
#include "observe/recent_window.hpp"

#include <chrono>

namespace onehop::observe {

class ServerOverview {
 public:
  // The time that a busy worker has to list its requests.
  static constexpr std::chrono::milliseconds kPatience{50};

  // Blocks for at most kPatience. Must not be called on a worker of `server`.
  static void add_requests(Overview& overview, const Server& server);
  void add_metrics(Overview& overview, const ServerMetrics& metrics);

 private:
  RecentWindow passes_;
};

}  // namespace onehop::observe
