// SPDX-License-Identifier: Apache-2.0
//
// Which change of protocol a request may ask for, and whether an answer is that change
// (RFC 9110 §7.8). Pure functions over messages.
// Views live as long as the message's memory.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// The protocol to ask the upstream for, as the client wrote it: the first one in its Upgrade list
// that is in `allowed`. "" when it asks for none, does not say so in Connection, or speaks
// HTTP/1.0.
std::string_view upgrade_to_ask_for(const Request& request,
                                    const std::vector<std::string>& allowed) noexcept;

// Whether a request asks for a protocol other than "h2c" although upgrade_to_ask_for() gave "".
bool drops_upgrade(const Request& request, std::string_view to_ask_for) noexcept;

// Whether this 101 is the change to `protocol`, with its tunnel. False for the protocol "".
bool switches_to(std::string_view protocol, const Response& response) noexcept;

}  // namespace onehop
