// SPDX-License-Identifier: Apache-2.0
//
// The pages for machines: /metrics, /livez, /readyz.
// Thread: any.
#pragma once

#include "observe/admin_pages.hpp"
#include "observe/metric_families.hpp"
#include "observe/observed.hpp"

#include <memory>

namespace onehop::observe {

// All metrics, read at once.
MetricFamilies collect_metrics(const Observed& observed);

AdminPage metrics_page(std::shared_ptr<const Observed> observed);
// Responds with 200 if every worker responds within a second, and while requests are drained.
AdminPage live_page(std::shared_ptr<const Observed> observed);
// Responds with 200 while requests are served.
AdminPage ready_page(std::shared_ptr<const Observed> observed);

}  // namespace onehop::observe
