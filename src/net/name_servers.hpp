// SPDX-License-Identifier: Apache-2.0
//
// The name servers that a program uses instead of the system's.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "net/address.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::net {

// Parses "ADDRESS[:PORT]". ADDRESS is an IP address; IPv6 needs brackets if a port follows. The
// port is 53 by default. Errors: Errc::bad_option; the detail explains the fault.
Result<Address> parse_name_server(std::string_view text);

// Returns the list in the format of ResolverOptions::servers. Throws std::invalid_argument if one
// of the servers cannot be parsed.
std::string list_of_name_servers(const std::vector<std::string>& servers);

}  // namespace onehop::net
