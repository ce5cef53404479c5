// SPDX-License-Identifier: Apache-2.0
//
// The metrics of a Server and of a Transport: connections, HTTP/2, TLS, memory, workers.
// Thread: any.
#pragma once

#include <onehop/metrics.hpp>
#include <onehop/tls.hpp>
#include <onehop/transport.hpp>

#include "acme/site_status.hpp"
#include "observe/metric_families.hpp"
#include "observe/reload_history.hpp"
#include "observe/upstream_checks.hpp"

#include <string_view>
#include <vector>

namespace onehop::observe {

void add_server_families(MetricFamilies& families,
                         const ServerMetrics& metrics,
                         const Transport::Statistics& transport);
// Of the names whose certificates onehop gets itself.
void add_renewal_families(MetricFamilies& families,
                          const std::vector<acme::SiteStatus>& sites,
                          const acme::RenewerCounts& counts);

void add_certificate_families(MetricFamilies& families,
                              const std::vector<TlsCertificateInfo>& certificates);
void add_transport_families(MetricFamilies& families,
                            const Transport::Statistics& statistics,
                            std::string_view upstream);
void add_check_families(MetricFamilies& families,
                        const UpstreamChecks& checks,
                        std::string_view upstream);
void add_reload_families(MetricFamilies& families, const ReloadHistory::State& reloads);

}  // namespace onehop::observe
