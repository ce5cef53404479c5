// SPDX-License-Identifier: Apache-2.0
//
// Finds out which files another user can read and which folders it can enter, by trying it as that
// user.
// Thread: owner.
#pragma once

#include "config/account.hpp"

#include <optional>
#include <string>
#include <vector>

namespace onehop::program {

// Returns an element for each file; none if the process may not become that user.
std::vector<bool> readable_as(const config::Account& account,
                              const std::vector<std::string>& files);
// The same of a folder; std::nullopt if the process may not become that user.
std::optional<bool> enterable_as(const config::Account& account, const std::string& folder);

}  // namespace onehop::program
