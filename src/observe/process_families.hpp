// SPDX-License-Identifier: Apache-2.0
//
// The metrics of the process, with the names that Prometheus client libraries use, and
// onehop_build_info.
// Thread: any.
#pragma once

#include "observe/metric_families.hpp"

#include <cstdint>
#include <optional>

namespace onehop::observe {

// The kernel's numbers about this process; std::nullopt for numbers that cannot be read.
struct ProcessNumbers {
  std::optional<double> start_time = {};  // seconds since 1970
  std::optional<double> cpu_seconds = {};
  std::optional<std::uint64_t> open_descriptors = {}, max_descriptors = {};
  std::optional<std::uint64_t> resident_bytes = {}, virtual_bytes = {};
  std::optional<std::uint64_t> threads = {};
};
// Reads the numbers. The first call opens the files that all calls read, so that later calls work
// even if the process has run out of descriptors.
ProcessNumbers read_process_numbers();

void add_process_families(MetricFamilies& families, const ProcessNumbers& numbers);
void add_build_family(MetricFamilies& families);

}  // namespace onehop::observe
