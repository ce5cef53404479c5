// SPDX-License-Identifier: Apache-2.0
//
// CommandDoor passes the commands of the admin socket to the service, one at a time. Commands run
// on threads that are not joined, so the door is closed before the service ends, and outlives it to
// refuse late commands.
// Thread: any.
#pragma once

#include "observe/admin_actions.hpp"

#include <functional>
#include <future>
#include <memory>
#include <mutex>

namespace onehop::program {

class CommandDoor {
 public:
  using Result = observe::ActionResult;

  // The functions of the service. `stop` returns when the server has stopped; `reload` and
  // `upgrade` return at once.
  struct Ways {
    std::function<std::shared_future<Result>()> reload;
    std::function<std::shared_future<Result>()> upgrade;
    std::function<Result()> drain;
    std::function<Result()> stop;
    std::function<Result(LogLevel)> set_log_level;
  };

  explicit CommandDoor(Ways ways) : ways_(std::move(ways)) {}
  CommandDoor(const CommandDoor&) = delete;
  CommandDoor& operator=(const CommandDoor&) = delete;

  // Returns the commands as actions. Reload and upgrade wait for their result.
  static observe::Actions actions(const std::shared_ptr<CommandDoor>& door);
  // Refuses all later commands. Returns when no call into the service is in progress.
  void close();

 private:
  Result wait_for(std::function<std::shared_future<Result>()> Ways::* way);
  template <class Way, class... Arguments>
  Result pass(Way way, Arguments... arguments);

  const Ways ways_;
  std::mutex mutex_;
  bool is_closed_ = false;  // guarded by mutex_
};

}  // namespace onehop::program
