// SPDX-License-Identifier: Apache-2.0
//
// name_servers: the name servers that a program names instead of those of the system.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "net/address.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::net {

// Parses "ADDRESS[:PORT]", where ADDRESS is an IP address: of version 6 in brackets, at least if a
// port follows. The port is 53 by default. Errc::bad_option; the detail explains the fault.
Result<Address> parse_name_server(std::string_view text);

// As ResolverOptions::servers has them. Throws std::invalid_argument if one cannot be parsed.
std::string list_of_name_servers(const std::vector<std::string>& servers);

}  // namespace onehop::net
