// SPDX-License-Identifier: Apache-2.0
//
// Predecessor: the process that this one replaces in an upgrade, until this one serves.
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
  // Returns the process that started this one for an upgrade; std::nullopt if none did. It removes
  // the variable, so it comes before other threads.
  static std::optional<Predecessor> take();

  // Requests the handover. Called once.
  Result<Handover> ask();
  // Reports that this process cannot serve, and why.
  void refuse(std::string_view why) const;
  // Reports that this process is ready, and waits until the other one has notified the service
  // manager, or has ended.
  Result<void> take_over();
  // Reports that this process serves. Returns the channel to the other one.
  ProcessChannel serve();

 private:
  explicit Predecessor(ProcessChannel channel) noexcept : channel_(std::move(channel)) {}

  ProcessChannel channel_;
};

// A process that is to replace another one.
struct Arrival {
  Predecessor from;
  Handover handover;
};

// Requests the handover of `from`. Sockets that came from a service manager are moved to `manager`,
// as if this process had received them. Returns null if that process has ended: this one then
// starts as any other. An error is reported to `from`.
Result<std::shared_ptr<Arrival>> arrive(Predecessor from, ManagerEnvironment& manager);

}  // namespace onehop::program
