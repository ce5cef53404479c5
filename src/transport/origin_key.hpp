// SPDX-License-Identifier: Apache-2.0
//
// origin_key(): the key by which all workers know an upstream. Thread: any.
#pragma once

#include <onehop/url.hpp>

#include <string>
#include <string_view>

namespace onehop::transport {

// Of scheme, host and port of `url`, or its socket, and of the address to connect to; "": those of
// the host.
std::string origin_key(const Url& url, std::string_view connect_address);

}  // namespace onehop::transport
