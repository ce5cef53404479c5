// SPDX-License-Identifier: Apache-2.0
//
// The command line and the environment as typed: which command, and the texts for each setting.
// Thread: any.
#pragma once

#include "config/configuration.hpp"
#include "config/given.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// The variables whose names begin with ONEHOP_, and their values.
using Environment = std::map<std::string, std::string>;

struct Arguments {
  Command command = Command::proxy;
  std::vector<std::string> words = {};  // after that of the command
  std::vector<std::string> flags = {};  // of the command: "json"
  GivenSettings given = {};             // from flags; the BACKEND is one
};

// `typed` does not include the program's name.
Arguments read_arguments(std::vector<std::string> typed, Findings& findings);

// A variable whose name is nearly that of a setting is a warning.
GivenSettings read_environment(const Environment& environment, Findings& findings);

}  // namespace onehop::config
