// SPDX-License-Identifier: Apache-2.0
//
// Finds out which files another user can read, by trying it as that user.
// Thread: owner.
#pragma once

#include "config/account.hpp"

#include <string>
#include <vector>

namespace onehop::program {

// Returns an element for each file; none if the process may not become that user.
std::vector<bool> readable_as(const config::Account& account,
                              const std::vector<std::string>& files);

}  // namespace onehop::program
