// SPDX-License-Identifier: Apache-2.0
#include "server/settings.hpp"

#include "server/listen_plan.hpp"
#include "server/refuse.hpp"

#include <algorithm>
#include <utility>

namespace onehop::server {

Result<void> Settings::check() const {
  if (options->workers > Server::kMaxWorkers) {
    return refuse("workers: " + std::to_string(options->workers) + " threads; the maximum is " +
                  std::to_string(Server::kMaxWorkers));
  }
  if (options->max_connections_per_client == 0 || options->max_requests_per_client == 0) {
    return refuse(
        "max_connections_per_client, max_requests_per_client: 0 allows none; use "
        "onehop::no_limit");
  }
  return {};
}

Result<void> Settings::make_trusted() {
  auto peers = TrustedPeers::parse(options->trust, "trust");
  if (!peers) return failure(peers.error());
  trusted = std::make_shared<const TrustedPeers>(std::move(*peers));
  auto balancers = TrustedPeers::parse(options->proxy_protocol, "proxy_protocol");
  if (!balancers) return failure(balancers.error());
  proxies.reset();
  if (!balancers->empty()) proxies = std::make_shared<const TrustedPeers>(std::move(*balancers));
  return {};
}

Result<void> Settings::make_tls(TlsCertificates::Log log, const Settings* before) {
  tls.reset();
  if (!options->tls) return {};
  net::TlsProtocols protocols;
  if (options->http2) protocols.emplace_back("h2");
  protocols.emplace_back("http/1.1");
  auto loaded = TlsCertificates::load(*options->tls, protocols, std::move(log),
                                      before ? before->tls.get() : nullptr);
  if (!loaded) return failure(loaded.error());
  tls = std::move(*loaded);
  if (!before) tls->continue_with_ticket_keys(options->ticket_keys);
  return {};
}

Result<void> Settings::open_listeners(const Settings* before) {
  ListenPlan plan(*options, tls != nullptr, proxies);
  if (before) plan.keep(before->listeners);
  auto opened = plan.open();
  if (!opened) return failure(opened.error());
  listeners = std::move(*opened);
  return {};
}

std::vector<std::string> Settings::addresses() const {
  std::vector<std::string> all;
  all.reserve(listeners.size());
  for (const OpenListener& one : listeners)
    all.push_back(one.listener->name());
  return all;
}

bool Settings::has(const Listener& listener) const noexcept {
  return std::ranges::any_of(
      listeners, [&](const OpenListener& one) { return one.listener.get() == &listener; });
}

}  // namespace onehop::server
