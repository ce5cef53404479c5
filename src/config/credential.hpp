// SPDX-License-Identifier: Apache-2.0
//
// Settings that name a file accept "credential:NAME", a credential that systemd gives to the
// service (LoadCredential=NAME:FILE): the file NAME in $CREDENTIALS_DIRECTORY.
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <string>
#include <string_view>

namespace onehop::config {

// Returns the path of the credential, or `text` if it does not name one. Without
// $CREDENTIALS_DIRECTORY, the name of a credential stays as it is.
Parsed<std::string> path_of_file(std::string_view text);

// Reports whether it is the name of a credential, which only a service has: the result of
// path_of_file() is not a path.
bool is_unresolved(std::string_view file);
// Why it cannot be used here.
std::string why_unresolved(std::string_view file);

}  // namespace onehop::config
