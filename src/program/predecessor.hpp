// SPDX-License-Identifier: Apache-2.0
//
// Predecessor: the process whose place this one takes, from its start by an upgrade until it
// serves.
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
  // The one that started this process; std::nullopt if none did. It removes the variable, so it
  // comes before other threads.
  static std::optional<Predecessor> take();

  // Asks it for what it hands over. Once.
  Result<Handover> ask();
  // This process cannot serve, for this reason.
  void refuse(std::string_view why) const;
  // This process is about to serve: waits until the other one has told the service manager, or has
  // ended.
  Result<void> take_over();
  // This process serves. Returns the channel to the other one.
  ProcessChannel serve();

 private:
  explicit Predecessor(ProcessChannel channel) noexcept : channel_(std::move(channel)) {}

  ProcessChannel channel_;
};

// A process that has come to take the place of another.
struct Arrival {
  Predecessor from;
  Handover handover;
};

// Asks `from` for its handover. The sockets that a service manager gave to an earlier process are
// moved to `manager`, where they are as if this one had got them. Null if that process has ended:
// this one starts as any other. After an error, `from` knows of it.
Result<std::shared_ptr<Arrival>> arrive(Predecessor from, ManagerEnvironment& manager);

}  // namespace onehop::program
