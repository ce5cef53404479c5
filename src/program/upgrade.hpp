// SPDX-License-Identifier: Apache-2.0
//
// Upgrade replaces this process by a new process of the installed program without losing a
// connection. The old process starts the new one and passes it the listening sockets; if the new
// process fails before it serves, nothing changes. Only one run() at a time.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "observe/admin_actions.hpp"
#include "program/child_process.hpp"
#include "program/handover.hpp"
#include "program/invocation.hpp"
#include "program/process_channel.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace onehop::program {

// The environment variable with the descriptor of the channel to the old process.
inline constexpr const char* kUpgradeVariable = "ONEHOP_UPGRADE_FD";

class Upgrade {
 public:
  using Duration = std::chrono::nanoseconds;
  using Outcome = observe::ActionResult;

  // The steps of the old process in an upgrade.
  struct Steps {
    // Returns the handover to the new process.
    std::function<Handover()> handover;
    // Creates what leave() needs and the system could refuse. A later call replaces it. May throw.
    std::function<void()> prepare;
    // Reports the main process to the service manager: the new process, or this one again if the
    // new process has failed.
    std::function<void(pid_t main)> announce;
    // Leaves accepting to the new process. Returns false if this process was already stopping.
    std::function<bool(ProcessChannel channel)> leave;
  };

  Upgrade(Invocation invocation, Steps steps)
      : invocation_(std::move(invocation)), steps_(std::move(steps)) {}

  // Returns when the new process serves, or cannot.
  Outcome run();
  // Makes a run in progress fail within 1 s, and later runs immediately.
  void cancel() noexcept { is_cancelled_ = true; }

 private:
  // Returns why no program can replace this process, or "".
  std::string obstacle() const;
  // Lets the new program check the settings. Returns why they cannot be used, or "".
  std::string check(std::vector<std::string>& findings) const;
  Result<std::string> replace();
  // Does the last steps, with a new process that is ready to serve.
  Result<void> give_way(ChildProcess& child, ProcessChannel channel);
  template <class Wait>
  auto wait_with(ChildProcess& child, const Wait& wait) const -> decltype(wait(Duration()));

  const Invocation invocation_;
  const Steps steps_;
  std::atomic<bool> is_cancelled_ = false;
};

}  // namespace onehop::program
