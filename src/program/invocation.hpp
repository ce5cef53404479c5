// SPDX-License-Identifier: Apache-2.0
//
// Invocation describes how the program was started, to start it again.
// Thread: any.
#pragma once

#include <string>
#include <vector>

namespace onehop::program {

struct Invocation {
  std::string program = {};                   // an absolute path; "" if unknown
  std::vector<std::string> arguments = {};    // without the program's name
  std::vector<std::string> environment = {};  // "NAME=VALUE"
};

// Returns the path that the program was started by, made absolute. The path may be a link to the
// installed release, and stays valid when a package replaces the file. If there is no such path, as
// after fexecve(3), returns the path of the executable file, or "" if that is unknown too. The
// result does not change during the life of the process.
const std::string& started_program();

// Returns the invocation of this process. `arguments` excludes the program's name. Must be called
// before other threads start.
Invocation invocation_of(const std::vector<std::string>& arguments);

}  // namespace onehop::program
