// SPDX-License-Identifier: Apache-2.0
//
// Looks at the files that settings name, as a start would, and reports those that could not be
// used. Thread: owner.
#pragma once

#include "config/load.hpp"

namespace onehop::program {

// Certificates and keys, authorities, ticket keys and tokens; with --user, as root, whether that
// user can read them again for a reload; and the folders of sockets and of the access log.
config::Findings check_files(const config::Loaded& loaded);

}  // namespace onehop::program
