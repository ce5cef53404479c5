// SPDX-License-Identifier: Apache-2.0
//
// BackendWatch keeps the readiness of a server at "no upstream" while an upstream has no backend
// that accepts connections (--ready-needs-upstream). It tries to connect periodically on its own
// thread. A lookup may block that thread, so neither the destructor nor the end of the process
// waits for it.
// Thread: owner.
#pragma once

#include <onehop/server.hpp>

#include "config/tables.hpp"
#include "observe/observed.hpp"
#include "observe/upstream_checks.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace onehop::program {

class BackendWatch {
 public:
  using Duration = std::chrono::milliseconds;
  // Called on the watch's thread when the readiness or the problem changes; never after the
  // destructor.
  using Report = std::function<void(LogLevel level, const std::string& line)>;
  // The backends of each upstream, at least one of which must accept connections. Not empty.
  using Needed = std::vector<config::UpstreamBackends>;

  // Changes `readiness` between ready and no_upstream, and does not touch any other value. Counts
  // its attempts in `checks`. Throws std::system_error if the system cannot start a thread.
  BackendWatch(Needed needed,
               std::shared_ptr<std::atomic<observe::Readiness>> readiness,
               std::shared_ptr<observe::UpstreamChecks> checks,
               Report report,
               Duration pause = std::chrono::seconds(2));
  BackendWatch(const BackendWatch&) = delete;
  BackendWatch& operator=(const BackendWatch&) = delete;
  // Sets the readiness to ready if it was no_upstream.
  ~BackendWatch();

  // Watches these backends instead.
  void follow(Needed needed);

 private:
  struct State;

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive the watch
};

}  // namespace onehop::program
