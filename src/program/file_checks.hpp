// SPDX-License-Identifier: Apache-2.0
//
// Checks the files that settings name, as a start would use them.
// Thread: owner.
#pragma once

#include "config/load.hpp"

namespace onehop::program {

// Checks certificates, keys, authorities, ticket keys and tokens, and the folders of sockets and of
// the access log. With --user and run as root, also checks that the user can read the files again
// for a reload. Returns a finding for each that cannot be used.
config::Findings check_files(const config::Loaded& loaded);

}  // namespace onehop::program
