// SPDX-License-Identifier: Apache-2.0
//
// The library's objects as the configuration wants them. Pure; main thread.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/server.hpp>

#include "program/access_log.hpp"
#include "program/configuration.hpp"
#include "program/log.hpp"

#include <memory>

namespace onehop::program {

// `transport`: null for one as configured.
ReverseProxy proxy_for(const Configuration& configuration,
                       std::shared_ptr<const Transport> transport = nullptr);

// The proxy, and what stands in front of it.
std::shared_ptr<const Handler> handler_for(const Configuration& configuration,
                                           std::shared_ptr<const Transport> transport = nullptr);

// Both logs outlive the server.
Server::Options server_options(const Configuration& configuration, Log& log, AccessLog& access_log);

}  // namespace onehop::program
