// SPDX-License-Identifier: Apache-2.0
#include "program/command_door.hpp"

#include <utility>

namespace onehop::program {
namespace {

observe::ActionResult too_late() {
  return {.done = false, .summary = "onehop is shutting down"};
}

}  // namespace

observe::Actions CommandDoor::actions(const std::shared_ptr<CommandDoor>& door) {
  return {
      .reload = [door] { return door->wait_for(&Ways::reload); },
      .upgrade = [door] { return door->wait_for(&Ways::upgrade); },
      .drain = [door] { return door->pass(&Ways::drain); },
      .stop = [door] { return door->pass(&Ways::stop); },
      .set_log_level = [door](LogLevel level) { return door->pass(&Ways::set_log_level, level); }};
}

CommandDoor::Result CommandDoor::wait_for(std::function<std::shared_future<Result>()> Ways::* way) {
  std::shared_future<Result> result;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return too_late();
    result = (ways_.*way)();
  }
  return result.get();  // the queue answers every request, even when it closes
}

template <class Way, class... Arguments>
CommandDoor::Result CommandDoor::pass(Way way, Arguments... arguments) {
  const std::lock_guard lock(mutex_);
  return is_closed_ ? too_late() : (ways_.*way)(arguments...);
}

void CommandDoor::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

}  // namespace onehop::program
