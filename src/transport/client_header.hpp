// SPDX-License-Identifier: Apache-2.0
//
// client_header(): the PROXY header (version 2) with which an upstream connection begins that is
// made for the requests of one client connection (Transport::Options::send_proxy).
// Thread: any.
#pragma once

#include <onehop/request.hpp>

#include <string>

namespace onehop::transport {

// The client is the peer of `connection`. The destination is its listener; if that has every
// address, or one of another family, the address is unspecified ("0.0.0.0", "::"). For a connection
// without an id, which is not one of a Server: LOCAL.
std::string client_header(const ConnectionInfo& connection);

}  // namespace onehop::transport
