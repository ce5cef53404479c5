// SPDX-License-Identifier: Apache-2.0
//
// Makes the library's objects from the configuration.
// Thread: owner.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/routes.hpp>
#include <onehop/server.hpp>

#include "config/configuration.hpp"
#include "observe/request_metrics.hpp"
#include "program/instruments.hpp"

#include <map>
#include <memory>
#include <string>

namespace onehop::program {

// By TableSettings::connections.
using Transports = std::map<std::string, std::shared_ptr<const RoundTripper>>;

// Returns the proxy with the handlers in front of it; for a configuration with routes, Routes over
// one for each of them. A transport that is not in `transports` is made from the configuration.
// `on_chosen` is that of the Routes.
std::shared_ptr<const Handler> handler_for(const config::Configuration& configuration,
                                           const Transports& transports = {},
                                           Routes::OnChosen on_chosen = {});

// The series of the routes of handler_for(), in their order.
std::shared_ptr<const observe::RequestSeries> series_for(const config::Configuration& configuration,
                                                         observe::RequestMetrics& metrics);
// Counts in these series the requests that routes take. It keeps both as long as it lives.
Routes::OnChosen counting(std::shared_ptr<observe::RequestMetrics> metrics,
                          std::shared_ptr<const observe::RequestSeries> series);

// The logs of the instruments must outlive the server.
Server::Options server_options(const config::Configuration& configuration,
                               const Instruments& instruments);

}  // namespace onehop::program
