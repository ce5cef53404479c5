// SPDX-License-Identifier: Apache-2.0
//
// Makes the library's objects from the configuration.
// Thread: owner.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/server.hpp>

#include "program/access_log.hpp"
#include "program/configuration.hpp"
#include "program/log.hpp"

#include <memory>

namespace onehop::program {

// If `transport` is null, makes one from the configuration.
ReverseProxy proxy_for(const Configuration& configuration,
                       std::shared_ptr<const Transport> transport = nullptr);

// Returns the proxy with the handlers in front of it.
std::shared_ptr<const Handler> handler_for(const Configuration& configuration,
                                           std::shared_ptr<const Transport> transport = nullptr);

// Both logs must outlive the server.
Server::Options server_options(const Configuration& configuration, Log& log, AccessLog& access_log);

}  // namespace onehop::program
