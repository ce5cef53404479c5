// SPDX-License-Identifier: Apache-2.0
//
// Adds the metrics of a Server and of a Transport: connections, HTTP/2, TLS, memory, workers.
// Thread: any.
#pragma once

#include <onehop/metrics.hpp>
#include <onehop/tls.hpp>
#include <onehop/transport.hpp>

#include "acme/site_status.hpp"
#include "observe/configured_upstream.hpp"
#include "observe/metric_families.hpp"
#include "observe/reload_history.hpp"
#include "observe/request_totals.hpp"
#include "observe/upstream_checks.hpp"
#include "observe/upstream_statistics.hpp"

#include <vector>

namespace onehop::observe {

// `routes` has the number of requests in progress of each route. The rest of the requests in
// progress belongs to the first route.
void add_server_families(MetricFamilies& families,
                         const ServerMetrics& metrics,
                         const Transport::Statistics& transport,
                         const std::vector<RequestTotals::Route>& routes);
// Adds the metrics of certificates that onehop gets by ACME.
void add_renewal_families(MetricFamilies& families,
                          const std::vector<acme::SiteStatus>& sites,
                          const acme::RenewerCounts& counts);

void add_certificate_families(MetricFamilies& families,
                              const std::vector<TlsCertificateInfo>& certificates);
void add_transport_families(MetricFamilies& families, const UpstreamStatistics& transports);
// Adds the checks of `upstreams`, including upstreams that have not been checked yet.
void add_check_families(MetricFamilies& families,
                        const UpstreamChecks& checks,
                        const std::vector<ConfiguredUpstream>& upstreams);
void add_reload_families(MetricFamilies& families, const ReloadHistory::State& reloads);

}  // namespace onehop::observe
