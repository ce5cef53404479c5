// SPDX-License-Identifier: Apache-2.0
//
// BackendWatch: keeps the readiness of a server at "no upstream" while none of the backends of an
// upstream accepts connections (--ready-needs-upstream). It connects to them again and again, from
// a thread that a lookup may hold up: neither the destructor nor the end of the process waits for
// it.
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
  // Called on the watch's thread when the readiness has changed; never after the destructor.
  using Report = std::function<void(LogLevel level, const std::string& line)>;
  // The backends of each upstream, of which one has to accept connections. At least one.
  using Needed = std::vector<config::UpstreamBackends>;

  // It changes `readiness` between ready and no_upstream, and leaves every other value alone. It
  // counts its attempts in `checks`.
  // Throws std::system_error if the system refuses a thread.
  BackendWatch(Needed needed,
               std::shared_ptr<std::atomic<observe::Readiness>> readiness,
               std::shared_ptr<observe::UpstreamChecks> checks,
               Report report,
               Duration pause = std::chrono::seconds(2));
  BackendWatch(const BackendWatch&) = delete;
  BackendWatch& operator=(const BackendWatch&) = delete;
  // The readiness no longer depends on backends.
  ~BackendWatch();

  // Looks at other backends from now on.
  void follow(Needed needed);

 private:
  struct State;

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive the watch
};

}  // namespace onehop::program
