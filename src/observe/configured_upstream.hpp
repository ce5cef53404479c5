// SPDX-License-Identifier: Apache-2.0
//
// ConfiguredUpstream is an upstream of the configuration in use that requests may go to.
// Thread: any; constant.
#pragma once

#include <onehop/url.hpp>

#include <string>
#include <vector>

namespace onehop::observe {

struct ConfiguredBackend {
  Url url;            // to connect to
  std::string shown;  // for people, without secrets
};

struct ConfiguredUpstream {
  std::string name;                         // its label in the metrics: "default", "api"
  std::vector<ConfiguredBackend> backends;  // each once, without the servers of services
  bool has_service = false;
};

}  // namespace onehop::observe
