// SPDX-License-Identifier: Apache-2.0
//
// The path of the admin socket, which depends on the settings and the environment.
// Thread: any.
#pragma once

#include <string>
#include <vector>

namespace onehop::config {

struct AdminSettings;

// Returns the path at which a server with these settings opens the socket: for "auto", onehop.sock
// in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR. Returns "" if the server opens none.
std::string admin_socket_of(const AdminSettings& settings);
// Reports whether both paths name the same file.
bool is_same_file(const std::string& one, const std::string& other);
// Returns the paths at which a command without the setting looks for the socket, in that order.
std::vector<std::string> known_admin_sockets();

}  // namespace onehop::config
