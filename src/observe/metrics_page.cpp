// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics_page.hpp"

#include <onehop/offload.hpp>

#include "observe/endpoint_families.hpp"
#include "observe/observed_numbers.hpp"
#include "observe/process_families.hpp"
#include "observe/request_families.hpp"
#include "observe/server_families.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace onehop::observe {
namespace {

constexpr std::chrono::seconds kLivePatience(1);

std::string text_of(Readiness readiness) {
  switch (readiness) {
    case Readiness::starting:
      return "starting\n";
    case Readiness::no_upstream:
      return "an upstream accepts no connections\n";
    case Readiness::ready:
      return "ready\n";
    case Readiness::draining:
      return "draining\n";
  }
  return {};
}

void add_trace_families(MetricFamilies& families, const TraceExporter::Statistics& spans) {
  families
      .counter("onehop_trace_spans_exported_total", "Spans that the collector of --trace accepted.")
      .add(spans.exported);
  families
      .counter("onehop_trace_spans_dropped_total",
               "Spans that the collector of --trace did not accept or for which there was no room.")
      .add(spans.dropped);
}

}  // namespace

MetricFamilies collect_metrics(const Observed& observed) {
  MetricFamilies families;
  const ObservedNumbers numbers = read_numbers(observed);
  add_request_families(families, numbers.requests, observed.requests->buckets());
  add_server_families(families, numbers.server, sum_of(numbers.transports),
                      numbers.requests.routes);
  add_certificate_families(families, observed.server->certificates());
  if (observed.sites) add_renewal_families(families, observed.sites(), observed.renewals());
  add_transport_families(families, numbers.transports);
  add_endpoint_families(families, numbers.endpoints);
  if (observed.checks) add_check_families(families, *observed.checks, numbers.upstreams);
  add_reload_families(families, observed.reloads->state());
  if (observed.readiness) {
    families.gauge("onehop_ready", "1 while /readyz responds with 200, 0 while it does not.")
        .add(observed.readiness() == Readiness::ready ? 1.0 : 0.0);
  }
  families
      .counter("onehop_access_log_reopens_total",
               "How often USR1 made the access log open its files and sockets again.")
      .add(observed.access_log_reopens ? observed.access_log_reopens() : 0);
  families
      .counter("onehop_log_lines_lost_total",
               "Lines of the access log, or of the program's own, that were lost because nothing "
               "took them fast enough.")
      .add(observed.access_lines_lost ? observed.access_lines_lost() : 0, {{"log", "access"}})
      .add(observed.program_lines_lost ? observed.program_lines_lost() : 0, {{"log", "program"}});
  add_trace_families(families,
                     observed.trace_spans ? observed.trace_spans() : TraceExporter::Statistics());
  const Generations generations = observed.generations ? observed.generations() : Generations();
  add_generation_families(families, generations);
  add_process_families(families, read_process_numbers());
  add_build_family(families);
  families.add(generations.counts);
  return families;
}

AdminPage metrics_page(std::shared_ptr<const Observed> observed) {
  return text_page("/metrics", std::string(MetricFamilies::kContentType),
                   [observed = std::move(observed)] { return collect_metrics(*observed).text(); });
}

namespace {

// Serves /livez.
task<Response> live(std::shared_ptr<const Observed> observed) {
  auto asking = offload([observed] { return observed->server->ping(kLivePatience); });
  const Server::Pinged pinged = co_await std::move(asking);
  // A drain ends the workers one after the other.
  const bool is_live =
      pinged.answered == pinged.workers || observed->readiness() == Readiness::draining;
  std::string text = std::to_string(pinged.answered) + " of " + std::to_string(pinged.workers) +
                     " workers responded within a second\n";
  if (pinged.failed > 0) {
    text += std::to_string(pinged.failed) + " of them failed (the log says why) and " +
            (pinged.failed == 1 ? "stays" : "stay") + " away until onehop is restarted\n";
  }
  co_return Response(is_live ? Status::ok : Status::service_unavailable, std::move(text));
}

}  // namespace

AdminPage live_page(std::shared_ptr<const Observed> observed) {
  return {.path = "/livez",
          .access = AdminAccess::read,
          .serve = [observed = std::move(observed)](const Request&) { return live(observed); }};
}

AdminPage ready_page(std::shared_ptr<const Observed> observed) {
  return response_page("/readyz", [observed = std::move(observed)](const Request&) {
    const Readiness readiness = observed->readiness();
    const bool is_ready = readiness == Readiness::ready;
    return Response(is_ready ? Status::ok : Status::service_unavailable, text_of(readiness));
  });
}

}  // namespace onehop::observe
