// SPDX-License-Identifier: Apache-2.0
//
// Builds the library's objects from the configuration.
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

// The transports by TableSettings::connections.
using Transports = std::map<std::string, std::shared_ptr<const RoundTripper>>;

// Returns the proxy with the handlers in front of it or, for a configuration with routes, a Routes
// with such a handler for each route. A transport that is missing in `transports` is built from the
// configuration. `on_chosen` is passed to the Routes.
std::shared_ptr<const Handler> handler_for(const config::Configuration& configuration,
                                           const Transports& transports = {},
                                           Routes::OnChosen on_chosen = {});

// Returns the metric series of the routes of handler_for(), in their order.
std::shared_ptr<const observe::RequestSeries> series_for(const config::Configuration& configuration,
                                                         observe::RequestMetrics& metrics);
// Returns a function that counts the requests that routes take in these series. It owns both
// arguments.
Routes::OnChosen counting(std::shared_ptr<observe::RequestMetrics> metrics,
                          std::shared_ptr<const observe::RequestSeries> series);

// Returns the options of the server. The logs of `instruments` must outlive it.
Server::Options server_options(const config::Configuration& configuration,
                               const Instruments& instruments);

}  // namespace onehop::program
