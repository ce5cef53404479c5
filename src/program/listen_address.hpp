// SPDX-License-Identifier: Apache-2.0
//
// What --listen accepts: ADDR, http://ADDR or unix:PATH, turned into what Server::Options takes.
// ADDR is :PORT, HOST:PORT, [IPv6]:PORT or a bare port. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "program/parsed.hpp"

namespace onehop::program {

Parsed<std::string> parse_listen_address(std::string_view text);

}  // namespace onehop::program
