// SPDX-License-Identifier: Apache-2.0
//
// The order in which the addresses of a name are tried: the families alternate (RFC 8305 §4),
// beginning with the preferred one (RFC 6724 §6). Within a family the name server's order is kept,
// which spreads the load.
// Thread: any.
#pragma once

#include "net/address.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace onehop::net {

// Returns the local address for sending to `destination`, or std::nullopt if there is no route.
using SourceOf = std::function<std::optional<Address>(const Address& destination)>;
std::optional<Address> kernel_source_of(const Address& destination);

// Applies rules 1, 2, 5, 6 and 8 of RFC 6724 §6.
void sort_by_preference(std::vector<Address>& addresses, const SourceOf& source_of);
// Alternates the families, beginning with that of the first address. Returns at most `max`
// addresses.
std::vector<Address> take_turns(const std::vector<Address>& sorted, std::size_t max);

}  // namespace onehop::net
