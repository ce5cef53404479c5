// SPDX-License-Identifier: Apache-2.0
//
// The pages for machines: /metrics, /livez and /readyz.
// Thread: any.
#pragma once

#include "observe/admin_pages.hpp"
#include "observe/metric_families.hpp"
#include "observe/observed.hpp"

#include <memory>

namespace onehop::observe {

// Collects all metrics at one moment.
MetricFamilies collect_metrics(const Observed& observed);

AdminPage metrics_page(std::shared_ptr<const Observed> observed);
// Responds with 200 if every worker responds within a second, or while the process drains.
AdminPage live_page(std::shared_ptr<const Observed> observed);
// Responds with 200 while the process is ready for requests (Readiness::ready).
AdminPage ready_page(std::shared_ptr<const Observed> observed);

}  // namespace onehop::observe
