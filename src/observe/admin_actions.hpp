// SPDX-License-Identifier: Apache-2.0
//
// Actions holds the functions that carry out the commands at the admin socket. The program sets
// them; a command whose function is empty does not exist. They are called on threads of offload()'s
// pool and may block. Two may run at the same time.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include <functional>
#include <string>
#include <vector>

namespace onehop::observe {

struct ActionResult {
  bool done = false;                       // false: the command has failed, and nothing has changed
  std::string summary;                     // one line, without a line break
  std::vector<std::string> findings = {};  // one text per finding, as `onehop check` prints them
};

struct Actions {
  std::function<ActionResult()> reload = {};
  // Starts the installed program, which replaces this process.
  std::function<ActionResult()> upgrade = {};
  // Stops accepting; the process ends when the requests in progress have ended.
  std::function<ActionResult()> drain = {};
  // Ends the process immediately.
  std::function<ActionResult()> stop = {};
  // Sets the lowest level that the log writes.
  std::function<ActionResult(LogLevel)> set_log_level = {};
};

}  // namespace onehop::observe
