// SPDX-License-Identifier: Apache-2.0
//
// Makes the Upstream of a configuration, or of a table of it.
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

// Those of URLs, without their paths, which the proxy's rewrite adds.
std::vector<Upstream::Endpoint> endpoints_of(const config::Configuration& configuration);

// How it chooses an endpoint, in the words of the settings. Without endpoints.
observe::UpstreamEndpoints policy_of(const config::UpstreamSettings& settings);

// `before`: the one that it replaces; null if there is none. `cookie_key` is that of --sticky
// cookie without a file for it; `on_change` is Upstream::Options::on_change. Errc::bad_option if
// the file with the key of the cookie cannot be used.
Result<std::shared_ptr<Upstream>> make_upstream(const config::Configuration& configuration,
                                                const Upstream* before,
                                                std::shared_ptr<const Transport> transport,
                                                std::string cookie_key,
                                                std::function<void(std::string_view)> on_change);

}  // namespace onehop::program
