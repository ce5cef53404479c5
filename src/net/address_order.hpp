// SPDX-License-Identifier: Apache-2.0
//
// In which order the addresses of a name are tried: RFC 6724 §6 for the two families, and RFC 8305
// §4 for their turns. Within a family the name server's order stays, which spreads the load.
#pragma once

#include "net/address.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace onehop::net {

// The address that this machine would send from to another one; std::nullopt without a route.
using SourceOf = std::function<std::optional<Address>(const Address& destination)>;
std::optional<Address> kernel_source_of(const Address& destination);

// Rules 1, 2, 5, 6 and 8 of RFC 6724 §6.
void sort_by_preference(std::vector<Address>& addresses, const SourceOf& source_of);
// One family after the other, the first one's first; at most `most` addresses.
std::vector<Address> take_turns(const std::vector<Address>& sorted, std::size_t most);

}  // namespace onehop::net
