// SPDX-License-Identifier: Apache-2.0
#include "program/proxy_for.hpp"

#include <onehop/routes.hpp>

#include "config/listeners.hpp"
#include "config/tables.hpp"
#include "observe/upstream_endpoints.hpp"
#include "program/core_dumps.hpp"
#include "program/edited_responses.hpp"
#include "program/health_check.hpp"
#include "proxy/route_table.hpp"
#include "proxy/single_host.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace onehop::program {
namespace {

// Returns a plain RewriteBelow if that is enough: the proxy recognises it and does not copy the
// request.
RewriteHook rewrite_for(const config::Configuration& configuration) {
  RewriteBelow below(configuration.backend);
  if (configuration.host_header == "keep" && configuration.header_up.empty()) return below;
  return [below, backend = configuration.backend, host = configuration.host_header,
          edits = configuration.header_up,
          expand = config::have_placeholders(configuration.header_up)](ProxyRequest& request) {
    if (host == "backend") {
      request.set_url(backend);
    } else {
      below(request);
    }
    if (host != "backend" && host != "keep") request.out().set_host(host);
    config::remove_lookalikes(edits, request.out().headers());
    if (expand) {
      const config::RequestFacts facts{request.in(), request.peer_is_trusted()};
      config::apply_edits(config::expand_edits(edits, facts), request.out().headers());
    } else {
      config::apply_edits(edits, request.out().headers());
    }
  };
}

ResponseHook modify_response_for(const config::Configuration& configuration) {
  // Edits with placeholders are left to EditedResponses, which knows the request.
  if (configuration.header_down.empty() || config::have_placeholders(configuration.header_down))
    return {};
  return [edits = configuration.header_down](Response& response) -> Result<void> {
    config::apply_edits(edits, response.headers());
    return {};
  };
}

ReverseProxy proxy_for(const config::Configuration& configuration,
                       std::shared_ptr<const RoundTripper> transport) {
  if (!transport) transport = std::make_shared<const Transport>(configuration.transport);
  return ReverseProxy({.rewrite = rewrite_for(configuration),
                       .transport = std::move(transport),
                       .modify_response = modify_response_for(configuration),
                       .map_back_host = configuration.map_back_host,
                       .trust = configuration.server.trust,
                       .allow_fields = configuration.allow_fields,
                       .upgrades = configuration.upgrades});
}

// Returns the handler that leads to the backends of a configuration or of a table.
std::shared_ptr<const Handler> handler_to_backends(const config::Configuration& configuration,
                                                   const Transports& transports) {
  const auto found = transports.find(configuration.table.connections);
  auto proxy = std::make_shared<const ReverseProxy>(
      proxy_for(configuration, found == transports.end() ? nullptr : found->second));
  if (!config::have_placeholders(configuration.header_down)) return proxy;
  return std::make_shared<const EditedResponses>(std::move(proxy), configuration.header_down,
                                                 configuration.server.trust);
}

std::shared_ptr<const Handler> handler_of_route(const config::Configuration& route,
                                                const Transports& transports) {
  const config::TableSettings& table = route.table;
  if (!table.redirect.empty()) {
    return redirect_to(table.redirect,
                       table.status == 0 ? Status::temporary_redirect : Status(table.status));
  }
  if (table.status != 0) return respond_with(Status(table.status));
  return handler_to_backends(route, transports);
}

// Returns the body limit of a route, unless it is that of the server, which applies to all routes.
Limit<std::uint64_t> own_max_body(const config::Configuration& route,
                                  Limit<std::uint64_t> of_server) {
  if (route.server.max_body == of_server) return no_limit;
  return route.server.max_body;
}

}  // namespace

std::shared_ptr<const Handler> handler_for(const config::Configuration& configuration,
                                           const Transports& transports,
                                           Routes::OnChosen on_chosen) {
  if (configuration.routes.empty()) return handler_to_backends(configuration, transports);
  const Limit<std::uint64_t> of_server = config::largest_max_body(configuration);
  std::vector<Route> routes;
  for (const auto& one : configuration.routes) {
    routes.push_back(config::route_for(one->table));
    routes.back().to = handler_of_route(*one, transports);
    routes.back().max_body = own_max_body(*one, of_server);
  }
  if (configuration.backend.is_absolute()) {
    routes.push_back({.to = handler_to_backends(configuration, transports),
                      .max_body = own_max_body(configuration, of_server)});
  }
  return std::make_shared<const Routes>(std::move(routes), std::move(on_chosen));
}

std::shared_ptr<const observe::RequestSeries> series_for(const config::Configuration& configuration,
                                                         observe::RequestMetrics& metrics) {
  std::vector<observe::RequestMetrics::RouteLabels> labels;
  for (const auto& one : configuration.routes) {
    const config::TableSettings& table = one->table;
    std::string upstream(observe::upstream_name(table.leads_to_backend() ? table.connections : ""));
    labels.push_back({.route = RouteTable::conditions_of(config::route_for(table)),
                      .upstream = std::move(upstream)});
  }
  // The backend at the top level gets the requests that no route takes.
  const bool uses_default = configuration.routes.empty() || configuration.backend.is_absolute();
  return metrics.series(labels, uses_default);
}

Routes::OnChosen counting(std::shared_ptr<observe::RequestMetrics> metrics,
                          std::shared_ptr<const observe::RequestSeries> series) {
  return [metrics = std::move(metrics), series = std::move(series)](
             const ExchangeRecord& exchange) { metrics->begin(series->of(exchange.route_number)); };
}

Server::Options server_options(const config::Configuration& configuration,
                               const Instruments& instruments) {
  Server::Options options = configuration.server;
  std::vector<std::string> addresses;
  for (const std::string& listener : configuration.listen)
    addresses.push_back(config::address_of_listener(listener));
  options.listen = std::move(addresses);
  options.max_body = config::largest_max_body(configuration);
  for (std::string& listener : options.proxy_protocol_listeners)
    listener = config::address_of_listener(listener);
  options.log = [&log = instruments.log](LogLevel level, std::string_view line) {
    log.write(level, line);
  };
  if (configuration.user) {
    options.on_listening = [account = *configuration.user,
                            may_dump = configuration.core_dumps]() -> Result<void> {
      if (auto changed = config::become(account); !changed) return changed;
      if (may_dump) allow_core_dumps();
      return {};
    };
  }
  if (instruments.traces) options.trace_sample = configuration.trace_sample;
  const bool has_health_checks = !configuration.admin.health_path.empty();
  const auto series = series_for(configuration, *instruments.metrics);
  options.on_tunnel = [metrics = instruments.metrics, series](const ExchangeRecord& exchange) {
    metrics->become_tunnel(series->of(exchange.route_number));
  };
  options.on_exchange_end = [instruments, series,
                             has_health_checks](const ExchangeRecord& exchange) {
    if (has_health_checks && HealthCheck::answered(exchange)) return;
    instruments.metrics->record(exchange, series->of(exchange.route_number));
    if (instruments.traces) instruments.traces->record(exchange);
    // The access log includes failures, so they are not logged again.
    if (instruments.access_log->is_on()) {
      instruments.access_log->record(exchange);
    } else {
      instruments.log.record_failure(exchange);
    }
  };
  return options;
}

}  // namespace onehop::program
