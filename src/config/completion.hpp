// SPDX-License-Identifier: Apache-2.0
//
// The completion of command lines in shells, made from the tables of settings and commands.
// Thread: any; constant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onehop::config {

// Returns the script for bash, zsh or fish, and std::nullopt for another shell.
std::optional<std::string> completion(std::string_view shell);

}  // namespace onehop::config
