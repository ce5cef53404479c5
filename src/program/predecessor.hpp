// SPDX-License-Identifier: Apache-2.0
//
// Predecessor is the process that this one replaces in an upgrade, until this one serves.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "program/handover.hpp"
#include "program/process_channel.hpp"
#include "program/systemd_environment.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace onehop::program {

class Predecessor {
 public:
  // Returns the process that started this one for an upgrade, or std::nullopt if none did. Removes
  // the environment variable, so it must be called before other threads start.
  static std::optional<Predecessor> take();

  // Requests the handover. Must be called once.
  Result<Handover> ask();
  // Reports that this process cannot serve, with the reason.
  void refuse(std::string_view why) const;
  // Reports that this process is ready, then waits until the predecessor has notified the service
  // manager or has ended.
  Result<void> take_over();
  // Reports that this process serves. Returns the channel to the predecessor.
  ProcessChannel serve();

 private:
  explicit Predecessor(ProcessChannel channel) noexcept : channel_(std::move(channel)) {}

  ProcessChannel channel_;
};

// A process to replace, and its handover.
struct Arrival {
  Predecessor from;
  Handover handover;
};

// Requests the handover of `from`. Moves sockets that came from a service manager to `manager`, as
// if this process had received them. Returns null if `from` has ended, in which case this process
// starts as usual. Reports an error to `from`, too.
Result<std::shared_ptr<Arrival>> arrive(Predecessor from, ManagerEnvironment& manager);

}  // namespace onehop::program
