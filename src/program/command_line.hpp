// SPDX-License-Identifier: Apache-2.0
//
// parse_command_line: arguments and environment into a Configuration, or one or two lines that say
// what is wrong and what was probably meant. A flag wins over its environment variable.
#pragma once

#include "program/configuration.hpp"
#include "program/parsed.hpp"

#include <map>
#include <string>
#include <vector>

namespace onehop::program {

// The variables whose names begin with ONEHOP_, and their values.
using Environment = std::map<std::string, std::string>;

// `arguments` without the program's name.
Parsed<Configuration> parse_command_line(std::vector<std::string> arguments,
                                         const Environment& environment);

}  // namespace onehop::program
