// SPDX-License-Identifier: Apache-2.0
//
// Builds the Upstream of a configuration, or of one of its tables.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/upstream.hpp>

#include "config/configuration.hpp"
#include "config/upstream_settings.hpp"
#include "observe/upstream_endpoints.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

// Returns the endpoints of backends given as URLs, without paths, which the proxy's rewrite adds.
std::vector<Upstream::Endpoint> endpoints_of(const config::Configuration& configuration);

// Returns how an endpoint is chosen, in the words of the settings, without endpoints.
observe::UpstreamEndpoints policy_of(const config::UpstreamSettings& settings);

// Builds an Upstream. `before` is the Upstream that it replaces, or null. `cookie_key` is used for
// --sticky cookie unless a file has the key; `on_change` is Upstream::Options::on_change. Errors:
// Errc::bad_option if the key file cannot be used.
Result<std::shared_ptr<Upstream>> make_upstream(const config::Configuration& configuration,
                                                const Upstream* before,
                                                std::shared_ptr<const Transport> transport,
                                                std::string cookie_key,
                                                std::function<void(std::string_view)> on_change);

}  // namespace onehop::program
