// SPDX-License-Identifier: Apache-2.0
//
// Decides to which protocol a request may ask to upgrade, and whether a response switches to it
// (RFC 9110 §7.8). The functions are pure. Their views are valid as long as the message's memory.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// Returns the protocol to ask the upstream for, as the client wrote it: the first one in its
// Upgrade list that is in `allowed`. "" if it asks for none, does not name Upgrade in Connection,
// or speaks HTTP/1.0.
std::string_view upgrade_to_ask_for(const Request& request,
                                    const std::vector<std::string>& allowed) noexcept;

// Reports whether a request asks for a protocol other than "h2c" although upgrade_to_ask_for()
// returned "".
bool drops_upgrade(const Request& request, std::string_view to_ask_for) noexcept;

// Reports whether this 101 switches to `protocol` and has a tunnel. False if `protocol` is "".
bool switches_to(std::string_view protocol, const Response& response) noexcept;

}  // namespace onehop
