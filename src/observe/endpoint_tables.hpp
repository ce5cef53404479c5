// SPDX-License-Identifier: Apache-2.0
//
// Formats the endpoints of an Overview's balanced upstreams as tables of text, like those of
// overview_tables.hpp.
// Thread: any.
#pragma once

#include "observe/overview.hpp"
#include "observe/overview_tables.hpp"

#include <cstddef>
#include <vector>

namespace onehop::observe {

// Returns one table for each of Overview::balanced, with at most `max_rows` rows.
std::vector<OverviewTable> endpoint_tables(const Overview& overview, std::size_t max_rows);

}  // namespace onehop::observe
