// SPDX-License-Identifier: Apache-2.0
//
// Reads the command line and the environment: which command to run, and the unparsed texts of each
// setting.
// Thread: any.
#pragma once

#include "config/configuration.hpp"
#include "config/given.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// The values of the variables whose names begin with ONEHOP_, by name.
using Environment = std::map<std::string, std::string>;

struct Arguments {
  Command command = Command::proxy;
  std::vector<std::string> words = {};  // after the command's word
  std::vector<std::string> flags = {};  // the command's own: "json"
  GivenSettings given = {};             // from flags and the BACKEND argument
};

// `typed` does not include the program's name.
Arguments read_arguments(std::vector<std::string> typed, Findings& findings);

// A variable whose name resembles that of a setting causes a warning.
GivenSettings read_environment(const Environment& environment, Findings& findings);

}  // namespace onehop::config
