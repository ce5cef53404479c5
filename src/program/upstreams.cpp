// SPDX-License-Identifier: Apache-2.0
#include "program/upstreams.hpp"

#include "config/upstream_kinds.hpp"
#include "net/small_file.hpp"
#include "upstream/key_hash.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace onehop::program {
namespace {

constexpr std::string_view kDefaultCookie = "onehop_backend";

Upstream::HealthCheck health_check_of(const config::UpstreamSettings& settings) {
  using Kind = Upstream::HealthCheck::Kind;
  Upstream::HealthCheck check;
  check.interval = settings.health_check_interval;
  check.timeout = settings.health_check_timeout;
  check.host = settings.health_check_host;
  const std::string& rule = settings.health_check;
  if (rule == "tcp") {
    check.kind = Kind::tcp;
  } else if (rule.starts_with("grpc")) {
    check.kind = Kind::grpc;
    check.service = rule.substr(std::min<std::size_t>(5, rule.size()));
  } else if (rule.starts_with('/')) {
    check.kind = Kind::http;
    check.path = rule;
  }
  return check;
}

// Reports whether a client is kept at its backend by a hash, instead of `balance`.
bool is_hashed(const std::string& sticky) {
  return sticky == "client" || sticky.starts_with("header:");
}

// Returns the name of the sticky cookie. Each list of backends has its own, because clients see all
// routes as one host.
std::string default_cookie(const std::string& backends) {
  std::string name(kDefaultCookie);
  if (!backends.empty()) name += "_" + std::to_string(upstream::hash_of(backends));
  return name;
}

void set_sticky(const std::string& rule, const std::string& backends, Upstream::Options& options) {
  const std::string name = rule.substr(std::min(rule.find(':'), rule.size() - 1) + 1);
  if (rule.starts_with("cookie")) {
    options.sticky.name = rule == "cookie" ? default_cookie(backends) : name;
  } else if (rule == "client") {
    options.balance = Balance::hash;
    options.hash_key = [](const Request& request) { return request.connection().client; };
  } else if (rule.starts_with("header:")) {
    options.balance = Balance::hash;
    // Requests without the field are assigned by client, so that they do not all go to one backend.
    options.hash_key = [name](const Request& request) {
      const std::string_view value = request.headers().get_or_empty(name);
      return value.empty() ? request.connection().client : value;
    };
  }
}

}  // namespace

std::vector<Upstream::Endpoint> endpoints_of(const config::Configuration& configuration) {
  std::vector<Upstream::Endpoint> endpoints;
  const auto add = [&endpoints](const Url& backend, double weight, bool is_backup) {
    Url url = backend;
    if (url.scheme() != "unix") {
      url = Url::parse(std::string(url.scheme()) + "://" + std::string(url.authority())).value();
    }
    endpoints.emplace_back(std::move(url), weight, is_backup);
  };
  for (const config::BackendAddress& one : configuration.backends) {
    if (one.service.empty()) add(one.url, one.weight, one.is_backup);
  }
  if (configuration.backends.empty()) add(configuration.backend, 1, false);
  return endpoints;
}

observe::UpstreamEndpoints policy_of(const config::UpstreamSettings& settings) {
  const bool is_off = settings.sticky == "off";
  return {
      .balance = is_hashed(settings.sticky) ? "hash" : config::BalanceWord::show(settings.balance),
      .sticky = is_off ? "" : settings.sticky};
}

Result<std::shared_ptr<Upstream>> make_upstream(const config::Configuration& configuration,
                                                const Upstream* before,
                                                std::shared_ptr<const Transport> transport,
                                                std::string cookie_key,
                                                std::function<void(std::string_view)> on_change) {
  const config::UpstreamSettings& settings = configuration.upstream;
  Upstream::Options options;
  options.endpoints = endpoints_of(configuration);
  for (const config::BackendAddress& one : configuration.backends) {
    if (!one.service.empty()) options.services.push_back(one.service);
  }
  options.resolve = settings.resolve;
  options.balance = settings.balance;
  options.slow_start = settings.slow_start;
  options.eject_time = settings.eject_time;
  options.max_eject_time = settings.max_eject_time;
  options.failure_statuses = settings.failure_statuses;
  options.retry_statuses = settings.retry_statuses;
  options.max_attempts = static_cast<unsigned>(settings.max_attempts);
  options.health = health_check_of(settings);
  options.host_of_endpoint = configuration.host_header == "backend";
  options.on_change = std::move(on_change);
  options.transport = std::move(transport);
  set_sticky(settings.sticky, configuration.table.backends, options);
  options.sticky.key = std::move(cookie_key);
  if (!settings.sticky_key.empty()) {
    auto key = net::read_small_file(settings.sticky_key, net::FileKinds::regular_or_pipe);
    if (!key) {
      return failure(Errc::bad_option, Side::local, settings.sticky_key + ": " + key.error());
    }
    options.sticky.key = std::move(*key);
  }
  try {
    if (before) return std::make_shared<Upstream>(std::move(options), *before);
    return std::make_shared<Upstream>(std::move(options));
  } catch (const std::invalid_argument& error) {
    return failure(Errc::bad_option, Side::local, error.what());
  }
}

}  // namespace onehop::program
