// SPDX-License-Identifier: Apache-2.0
//
// Settings that name a file also accept "credential:NAME", the name of a credential that systemd
// passes to the service (LoadCredential=NAME:FILE). It stands for the file NAME in
// $CREDENTIALS_DIRECTORY.
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <string>
#include <string_view>

namespace onehop::config {

// Returns the path of the credential, or `text` if it does not name one. If $CREDENTIALS_DIRECTORY
// is not set, the name of a credential is returned unchanged.
Parsed<std::string> path_of_file(std::string_view text);

// Reports whether `file`, a result of path_of_file(), is still the name of a credential and not a
// path, because the process is not a service.
bool is_unresolved(std::string_view file);
// Returns the reason why such a name cannot be used here.
std::string why_unresolved(std::string_view file);

}  // namespace onehop::config
