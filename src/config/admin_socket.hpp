// SPDX-License-Identifier: Apache-2.0
//
// Where the admin socket is, as the settings and the environment say.
// Thread: any.
#pragma once

#include <string>
#include <vector>

namespace onehop::config {

struct AdminSettings;

// Where a server with these settings opens it: for "auto", onehop.sock in $RUNTIME_DIRECTORY or
// $XDG_RUNTIME_DIR. "" if there is none.
std::string admin_socket_of(const AdminSettings& settings);
// Reports whether both are names of the same file.
bool is_same_file(const std::string& one, const std::string& other);
// Where a command looks for it without a setting, in this order.
std::vector<std::string> known_admin_sockets();

}  // namespace onehop::config
