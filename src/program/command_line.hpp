// SPDX-License-Identifier: Apache-2.0
//
// parse_command_line() turns arguments and environment into a Configuration, or into one or two
// lines that explain the error and what was probably meant. A flag overrides its environment
// variable.
// Thread: any.
#pragma once

#include "program/configuration.hpp"
#include "program/parsed.hpp"

#include <map>
#include <string>
#include <vector>

namespace onehop::program {

// The variables whose names begin with ONEHOP_, and their values.
using Environment = std::map<std::string, std::string>;

// `arguments` does not include the program's name.
Parsed<Configuration> parse_command_line(std::vector<std::string> arguments,
                                         const Environment& environment);

}  // namespace onehop::program
