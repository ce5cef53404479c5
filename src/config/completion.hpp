// SPDX-License-Identifier: Apache-2.0
//
// Generates the shells' completion scripts from the tables of settings and commands.
// Thread: any; constant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onehop::config {

// Returns the script for "bash", "zsh" or "fish"; std::nullopt for any other shell.
std::optional<std::string> completion(std::string_view shell);

}  // namespace onehop::config
