// SPDX-License-Identifier: Apache-2.0
//
// client_header() returns the PROXY header (version 2) that an upstream connection begins with if
// it serves the requests of one client connection only (Transport::Options::send_proxy).
// Thread: any.
#pragma once

#include <onehop/request.hpp>

#include <string>

namespace onehop::transport {

// Returns the header for `connection`. Its source is the client, its destination the listener; if
// the listener is bound to every address or is of another family, the destination is unspecified
// ("0.0.0.0", "::"). If the connection has no id, which means that it does not belong to a Server,
// the header is a LOCAL one.
std::string client_header(const ConnectionInfo& connection);

}  // namespace onehop::transport
