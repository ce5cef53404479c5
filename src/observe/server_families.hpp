// SPDX-License-Identifier: Apache-2.0
//
// The metrics of a Server and of a Transport: connections, HTTP/2, TLS, memory, workers.
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

// `routes`: how many of the requests in progress are of which route; the rest is of the first one.
void add_server_families(MetricFamilies& families,
                         const ServerMetrics& metrics,
                         const Transport::Statistics& transport,
                         const std::vector<RequestTotals::Route>& routes);
// Of the names whose certificates onehop gets itself.
void add_renewal_families(MetricFamilies& families,
                          const std::vector<acme::SiteStatus>& sites,
                          const acme::RenewerCounts& counts);

void add_certificate_families(MetricFamilies& families,
                              const std::vector<TlsCertificateInfo>& certificates);
void add_transport_families(MetricFamilies& families, const UpstreamStatistics& transports);
// Those of these upstreams, with or without a check.
void add_check_families(MetricFamilies& families,
                        const UpstreamChecks& checks,
                        const std::vector<ConfiguredUpstream>& upstreams);
void add_reload_families(MetricFamilies& families, const ReloadHistory::State& reloads);

}  // namespace onehop::observe
