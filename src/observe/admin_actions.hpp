// SPDX-License-Identifier: Apache-2.0
//
// Actions: what the commands at the admin socket do to the running process. The program sets the
// functions; a command whose function is empty does not exist.
// The functions are called on a thread of offload()'s pool, and may block; two may run at the same
// time.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include <functional>
#include <string>
#include <vector>

namespace onehop::observe {

struct ActionResult {
  bool done = false;                       // false: nothing has changed, and the command fails
  std::string summary;                     // one line, without a line break
  std::vector<std::string> findings = {};  // what `onehop check` prints, one text for each finding
};

struct Actions {
  std::function<ActionResult()> reload = {};
  // Starts the program that is installed now in place of this process.
  std::function<ActionResult()> upgrade = {};
  // Stops accepting; the process ends when the requests in progress have ended.
  std::function<ActionResult()> drain = {};
  // Ends the process immediately.
  std::function<ActionResult()> stop = {};
  // Sets the lowest level that the log writes.
  std::function<ActionResult(LogLevel)> set_log_level = {};
};

}  // namespace onehop::observe
