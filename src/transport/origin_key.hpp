// SPDX-License-Identifier: Apache-2.0
//
// origin_key() returns the key by which all workers know an upstream. Thread: any.
#pragma once

#include <onehop/url.hpp>

#include <string>
#include <string_view>

namespace onehop::transport {

// The key consists of the scheme, host (or socket) and port of `url`, and of the address to connect
// to; "" stands for the addresses of the host.
std::string origin_key(const Url& url, std::string_view connect_address);

}  // namespace onehop::transport
