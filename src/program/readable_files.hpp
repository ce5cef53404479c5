// SPDX-License-Identifier: Apache-2.0
//
// Finds out which files another user can read and which folders that user can enter, by trying in a
// child process that runs as the user.
// Thread: owner.
#pragma once

#include "config/account.hpp"

#include <optional>
#include <string>
#include <vector>

namespace onehop::program {

// Returns an element for each file, or an empty vector if the process may not become that user.
std::vector<bool> readable_as(const config::Account& account,
                              const std::vector<std::string>& files);
// Reports whether the user can enter the folder, or std::nullopt if the process may not become that
// user.
std::optional<bool> enterable_as(const config::Account& account, const std::string& folder);

}  // namespace onehop::program
