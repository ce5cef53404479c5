// SPDX-License-Identifier: Apache-2.0
#include "program/proxy_for.hpp"

#include "program/edited_responses.hpp"
#include "program/listeners.hpp"
#include "proxy/single_host.hpp"

#include <functional>
#include <utility>

namespace onehop::program {
namespace {

std::function<void(ProxyRequest&)> rewrite_for(const Configuration& configuration) {
  RewriteBelow below(configuration.backend);
  // The proxy recognises the unwrapped round tripper and uses its fast path.
  if (configuration.host_header == "keep" && configuration.header_up.empty()) return below;
  return [below, backend = configuration.backend, host = configuration.host_header,
          edits = configuration.header_up,
          expand = have_placeholders(configuration.header_up)](ProxyRequest& request) {
    if (host == "backend") {
      request.set_url(backend);
    } else {
      below(request);
    }
    if (host != "backend" && host != "keep") request.out().set_host(host);
    remove_lookalikes(edits, request.out().headers());
    if (expand) {
      const RequestFacts facts{request.in(), request.peer_is_trusted()};
      apply_edits(expand_edits(edits, facts), request.out().headers());
    } else {
      apply_edits(edits, request.out().headers());
    }
  };
}

std::function<Result<void>(Response&)> modify_response_for(const Configuration& configuration) {
  // Edits with placeholders are for EditedResponses, which knows the request.
  if (configuration.header_down.empty() || have_placeholders(configuration.header_down)) return {};
  return [edits = configuration.header_down](Response& response) -> Result<void> {
    apply_edits(edits, response.headers());
    return {};
  };
}

}  // namespace

ReverseProxy proxy_for(const Configuration& configuration,
                       std::shared_ptr<const Transport> transport) {
  if (!transport) transport = std::make_shared<const Transport>(configuration.transport);
  return ReverseProxy({.rewrite = rewrite_for(configuration),
                       .transport = std::move(transport),
                       .modify_response = modify_response_for(configuration),
                       .trust = configuration.server.trust,
                       .allow_fields = configuration.allow_fields,
                       .upgrades = configuration.upgrades});
}

std::shared_ptr<const Handler> handler_for(const Configuration& configuration,
                                           std::shared_ptr<const Transport> transport) {
  auto proxy = std::make_shared<const ReverseProxy>(proxy_for(configuration, std::move(transport)));
  if (!have_placeholders(configuration.header_down)) return proxy;
  return std::make_shared<const EditedResponses>(std::move(proxy), configuration.header_down,
                                                 configuration.server.trust);
}

Server::Options server_options(const Configuration& configuration,
                               Log& log,
                               AccessLog& access_log) {
  Server::Options options = configuration.server;
  std::vector<std::string> addresses;
  for (const std::string& listener : configuration.listen)
    addresses.push_back(address_of_listener(listener));
  options.listen = std::move(addresses);
  options.log = [&log](LogLevel level, std::string_view line) { log.write(level, line); };
  if (configuration.user) {
    options.on_listening = [account = *configuration.user] { return become(account); };
  }
  options.on_exchange_end = [&log, &access_log](const ExchangeRecord& exchange) {
    // With an access log, a failure is part of its line there and is not logged again.
    if (access_log.is_on()) {
      access_log.record(exchange);
    } else {
      log.record_failure(exchange);
    }
  };
  return options;
}

}  // namespace onehop::program
