// SPDX-License-Identifier: Apache-2.0
//
// ConfiguredUpstream: an upstream that requests may go to, as the configuration in use has it.
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
  std::string name;                         // the label of the metrics: "default", "api"
  std::vector<ConfiguredBackend> backends;  // each once, without the servers of services
  bool has_service = false;
};

}  // namespace onehop::observe
