// SPDX-License-Identifier: Apache-2.0
#include "program/transport_keeper.hpp"

#include "config/tables.hpp"
#include "io/random_bytes.hpp"
#include "net/small_file.hpp"
#include "program/upstreams.hpp"
#include "transport/origin_key.hpp"
#include "transport/transport_access.hpp"
#include "upstream/upstream_access.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace onehop::program {
namespace {

bool are_equal_but_for_limits(Transport::Options one, const Transport::Options& other) {
  one.max_connections = other.max_connections;
  one.retry_budget = other.retry_budget;
  return one == other;
}

// A file that changes before it is used counts as changed in the next reload. A pipe, which can be
// read only once, never changes. The Transport reports why a file cannot be read.
std::size_t fingerprint_of(const TlsClientOptions& tls) {
  std::string contents;
  for (const std::string& file :
       {tls.ca_file, tls.certificate.chain_file, tls.certificate.key_file}) {
    const std::string text = net::read_small_file(file, net::FileKinds::regular).value_or("");
    contents.append(std::to_string(text.size())).append(":").append(text);
  }
  return std::hash<std::string>()(contents);
}

std::shared_ptr<const transport::NamedOrigins> name_backend(const Url& backend,
                                                            const Transport& over) {
  return std::make_shared<const transport::NamedOrigins>(
      detail::TransportAccess::shared(over),
      std::vector<std::string>{transport::origin_key(backend, "")});
}

std::string random_key() {
  std::array<unsigned char, 32> random{};
  io::fill_randomly(random);
  return {random.begin(), random.end()};
}

}  // namespace

TransportKeeper::TransportKeeper(std::function<void(std::string_view)> on_change)
    : on_change_(std::move(on_change)), cookie_key_(random_key()) {}

Transports TransportKeeper::Prepared::transports() const {
  Transports transports;
  for (const auto& [connections, one] : all) {
    if (one.upstream) {
      transports.emplace(connections, one.upstream);
    } else {
      transports.emplace(connections, one.transport);
    }
  }
  return transports;
}

bool TransportKeeper::Prepared::has_new() const {
  return std::ranges::any_of(all, [](const auto& one) { return one.second.is_new; });
}

Result<TransportKeeper::One> TransportKeeper::prepare_one(
    const config::Configuration& configuration) const {
  const auto found = current_.all.find(configuration.table.connections);
  const One before = found == current_.all.end() ? One() : found->second;
  One next{.transport = before.transport,
           .options = configuration.transport,
           .files = fingerprint_of(configuration.transport.tls)};
  next.is_new = !next.transport || next.files != before.files ||
                !are_equal_but_for_limits(next.options, before.options);
  if (next.is_new) {
    next.transport = TransportLedger::make(
        ledger_, std::string(observe::upstream_name(configuration.table.connections)),
        next.options);
  }
  if (configuration.backend.scheme() == "https") {
    if (auto prepared = next.transport->prepare_tls(); !prepared) return failure(prepared.error());
  }
  if (config::needs_upstream(configuration)) {
    if (auto made = prepare_upstream(configuration, before, next); !made)
      return failure(made.error());
  } else if (configuration.backend.is_absolute()) {
    next.origin = name_backend(configuration.backend, *next.transport);
  }
  return next;
}

// An Upstream that follows names gets its list from them alone.
Result<void> TransportKeeper::prepare_upstream(const config::Configuration& configuration,
                                               const One& before,
                                               One& next) const {
  next.settings = configuration.upstream;
  next.endpoints = endpoints_of(configuration);
  next.backends = configuration.backends;
  next.list = configuration.table.backends;
  next.host_of_endpoint = configuration.host_header == "backend";
  next.sticky_key = std::hash<std::string>()(
      net::read_small_file(next.settings.sticky_key, net::FileKinds::regular).value_or(""));
  const bool has_service =
      config::have_service(configuration.backends) || config::have_service(before.backends);
  const bool follows_names = next.settings.resolve == Upstream::Resolve::each || has_service;
  const bool stays = before.upstream && !next.is_new && next.settings == before.settings &&
                     next.host_of_endpoint == before.host_of_endpoint &&
                     next.sticky_key == before.sticky_key && next.list == before.list &&
                     (!follows_names || next.backends == before.backends);
  if (stays) {
    next.upstream = before.upstream;
    return {};
  }
  auto made =
      make_upstream(configuration, before.upstream.get(), next.transport, cookie_key_, on_change_);
  if (!made) return failure(made.error());
  next.upstream = std::move(*made);
  next.has_new_upstream = true;
  return {};
}

Result<TransportKeeper::Prepared> TransportKeeper::prepare(
    const config::Configuration& configuration) const {
  Prepared next;
  const auto add = [&](const config::Configuration& one) -> Result<void> {
    if (next.all.contains(one.table.connections)) return {};
    auto made = prepare_one(one);
    if (!made) return failure(made.error());
    next.all.emplace(one.table.connections, std::move(*made));
    return {};
  };
  if (configuration.backend.is_absolute() || configuration.routes.empty()) {
    if (auto added = add(configuration); !added) return failure(added.error());
  }
  for (const auto& route : configuration.routes) {
    if (!route->table.leads_to_backend()) continue;
    if (auto added = add(*route); !added) return failure(added.error());
  }
  return next;
}

void TransportKeeper::update(const One& one) const noexcept {
  try {
    one.upstream->update(one.endpoints);
  } catch (const std::exception& error) {  // the upstream keeps its list
    if (on_change_) on_change_(error.what());
  }
}

void TransportKeeper::commit(Prepared prepared) noexcept {
  for (const auto& [connections, one] : prepared.all) {
    if (one.is_new) continue;
    const auto before_it = current_.all.find(connections);
    const bool has_other_list = one.upstream && !one.has_new_upstream &&
                                before_it != current_.all.end() &&
                                one.endpoints != before_it->second.endpoints;
    if (has_other_list) update(one);
    one.transport->set_limits(
        {.max_connections = one.options.max_connections, .retry_budget = one.options.retry_budget});
  }
  Prepared before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(current_, std::move(prepared));
  }
  for (const auto& [connections, one] : before.all) {
    const auto now = current_.all.find(connections);
    const bool stays = now != current_.all.end() && now->second.upstream == one.upstream;
    if (one.upstream && !stays) detail::UpstreamAccess::retire(*one.upstream);
  }
}

// The checks of replaced upstreams have already ended.
void TransportKeeper::end_checks() noexcept {
  for (const auto& [connections, one] : current_.all) {
    if (one.upstream) detail::UpstreamAccess::end_checks(*one.upstream);
  }
}

observe::Endpoints TransportKeeper::endpoints() const {
  observe::Endpoints all;
  std::map<std::string, std::shared_ptr<Upstream>> upstreams;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [connections, one] : current_.all) {
      if (!one.upstream) continue;
      upstreams.emplace(connections, one.upstream);
      all.emplace(connections, policy_of(one.settings));
    }
  }
  for (const auto& [connections, upstream] : upstreams)
    all.at(connections).statuses = upstream->endpoints();
  return all;
}

std::shared_ptr<Transport> TransportKeeper::get(const std::string& connections) const {
  const std::lock_guard lock(mutex_);
  const auto found = current_.all.find(connections);
  return found == current_.all.end() ? nullptr : found->second.transport;
}

}  // namespace onehop::program
