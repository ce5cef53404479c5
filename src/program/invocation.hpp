// SPDX-License-Identifier: Apache-2.0
//
// Invocation: how a process of the program was started, and is started again.
// Thread: any.
#pragma once

#include <string>
#include <vector>

namespace onehop::program {

struct Invocation {
  std::string program = {};                   // an absolute path; "": it is not known
  std::vector<std::string> arguments = {};    // without the program's name
  std::vector<std::string> environment = {};  // "NAME=VALUE"
};

// The path that the program was started by, made absolute: it may be a link to the release that is
// installed, and stays that of the program when a package replaces the file. If there is none, as
// after fexecve(3), it is the path of the file; "" if that is unknown too. It does not change
// during the life of the process.
const std::string& started_program();

// Of this process. `arguments`: without the program's name. Called before other threads start.
Invocation invocation_of(const std::vector<std::string>& arguments);

}  // namespace onehop::program
