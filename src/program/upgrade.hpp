// SPDX-License-Identifier: Apache-2.0
//
// Upgrade: replaces this process by a new one of the program that is installed now, without losing
// a connection. The old one starts the new one and gives it the listening sockets; if the new one
// fails before it serves, nothing changes. One run() at a time.
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

// The variable with the descriptor of the channel to the old process.
inline constexpr const char* kUpgradeVariable = "ONEHOP_UPGRADE_FD";

class Upgrade {
 public:
  using Duration = std::chrono::nanoseconds;
  using Outcome = observe::ActionResult;

  // The steps of the old process in an upgrade.
  struct Steps {
    // Makes the handover to the new process.
    std::function<Handover()> handover;
    // Makes what leave() needs and the system could refuse. A later prepare() replaces it. Throws.
    std::function<void()> prepare;
    // Reports to the service manager which process is the main one: the new one, or this one again
    // if that has ended after all.
    std::function<void(pid_t main)> announce;
    // From here on only the new process accepts. Returns false if this one was already stopping.
    std::function<bool(ProcessChannel channel)> leave;
  };

  Upgrade(Invocation invocation, Steps steps)
      : invocation_(std::move(invocation)), steps_(std::move(steps)) {}

  // Returns when the new process serves, or cannot.
  Outcome run();
  // A run in progress fails within a second, and later ones immediately.
  void cancel() noexcept { is_cancelled_ = true; }

 private:
  // Returns why this process cannot be replaced by any program; "" if it can.
  std::string obstacle() const;
  // Lets the new program check the settings. "" if it finds no mistake.
  std::string check(std::vector<std::string>& findings) const;
  Result<std::string> replace();
  // The last steps, with a process that could serve.
  Result<void> give_way(ChildProcess& child, ProcessChannel channel);
  template <class Wait>
  auto wait_with(ChildProcess& child, const Wait& wait) const -> decltype(wait(Duration()));

  const Invocation invocation_;
  const Steps steps_;
  std::atomic<bool> is_cancelled_ = false;
};

}  // namespace onehop::program
