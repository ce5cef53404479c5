// SPDX-License-Identifier: Apache-2.0
//
// Finds settings about backends that contradict each other: at the top of the configuration, in its
// tables, and between both. A setting at the top applies to all tables that do not set it, so it is
// reported only if it has no effect in any of them.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"
#include "config/contradiction.hpp"
#include "config/given.hpp"

#include <span>
#include <vector>

namespace onehop::config {

// The top, an upstream, or a route to a backend.
struct BackendPlace {
  Configuration* configuration;
  const GivenTable* table = nullptr;     // null: the top
  const GivenTable* upstream = nullptr;  // the upstream that a route names
};

struct BackendContradictions {
  Contradictions at_top = {};
  struct InTable {
    const GivenTable* table;
    Contradiction contradiction;
  };
  std::vector<InTable> in_tables = {};
};

// Checks `places`, of which the first is the top. `at_top` has the settings that are given at the
// top. Fills in the TLS options of the connections to each backend.
BackendContradictions find_backend_contradictions(std::span<const BackendPlace> places,
                                                  const GivenSettings& at_top);

}  // namespace onehop::config
