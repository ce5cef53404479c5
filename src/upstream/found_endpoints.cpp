// SPDX-License-Identifier: Apache-2.0
#include "upstream/found_endpoints.hpp"

#include "base/ascii.hpp"
#include "http/host.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace onehop::upstream {
namespace {

constexpr Duration kMinTtl = std::chrono::seconds(1);
constexpr Duration kMaxTtl = std::chrono::seconds(30);
constexpr Duration kAskAgain = std::chrono::seconds(2);

// A server with weight 0 still gets some requests (RFC 2782: "a very small chance").
double weight_of(const net::SrvRecord& record, bool all_are_zero) {
  constexpr double kSmall = 0.1;
  if (all_are_zero) return 1;
  return record.weight == 0 ? kSmall : record.weight;
}

// Returns std::nullopt if the host cannot be in a URL. A DNS label may have any byte, and some
// bytes would end the host in a URL.
std::optional<Url> url_of(std::string_view scheme, const net::SrvRecord& record) {
  const std::optional<Authority> host = split_authority(record.host);
  if (!host || host->has_colon) return std::nullopt;
  auto url =
      Url::parse(std::string(scheme) + "://" + record.host + ":" + std::to_string(record.port));
  if (!url) return std::nullopt;
  return std::move(*url);
}

bool has_v6(const Upstream::Endpoint& endpoint) {
  return endpoint.connect_address.find(':') != std::string::npos;
}

std::set<std::string> keys_of(const std::vector<Upstream::Endpoint>& endpoints) {
  std::set<std::string> keys;
  for (const Upstream::Endpoint& endpoint : endpoints)
    keys.insert(Endpoint::key_of(endpoint));
  return keys;
}

}  // namespace

std::string_view scheme_of_service(std::string_view service) {
  const std::string_view label = service.substr(0, service.find('.'));
  const auto is = [label](std::string_view one) { return ascii::equals_ignoring_case(label, one); };
  if (is("_https")) return "https";
  if (is("_h2c") || is("_grpc")) return "h2c";
  return "http";
}

FoundEndpoints::FoundEndpoints(Upstream::Endpoint named)
    : named_(std::move(named)), name_(named_->url.host()), endpoints_({*named_}) {}

FoundEndpoints::FoundEndpoints(std::string service) : name_(std::move(service)) {}

std::string FoundEndpoints::take(const net::DnsChannel::Answer& answer, Time now) {
  if (answer.addresses.empty()) return keep(answer.is_absent, answer.failure, now);
  std::vector<Upstream::Endpoint> endpoints;
  for (const net::Address& address : answer.addresses) {
    endpoints.push_back(*named_);
    endpoints.back().connect_address = address.ip();
  }
  if (answer.is_partial) keep_other_family(endpoints);
  // Sorted, because responses come in any order and Balance::first must not change with them.
  std::ranges::sort(endpoints, {}, &Upstream::Endpoint::connect_address);
  const auto [twins, end] =
      std::ranges::unique(endpoints, {}, &Upstream::Endpoint::connect_address);
  endpoints.erase(twins, end);
  return replace(std::move(endpoints), answer.ttl, now);
}

// Adds the known endpoints of the other address family if `endpoints`, which is not empty, has only
// one.
void FoundEndpoints::keep_other_family(std::vector<Upstream::Endpoint>& endpoints) const {
  const bool is_v6 = has_v6(endpoints.front());
  if (std::ranges::any_of(endpoints, [&](const auto& one) { return has_v6(one) != is_v6; })) return;
  std::ranges::copy_if(endpoints_, std::back_inserter(endpoints), [&](const auto& known) {
    return !known.connect_address.empty() && has_v6(known) != is_v6;
  });
}

std::string FoundEndpoints::take(const net::DnsChannel::ServiceAnswer& answer, Time now) {
  if (answer.records.empty()) return keep(answer.is_absent, answer.failure, now);
  const auto& records = answer.records;
  const auto lowest = std::ranges::min(records, {}, &net::SrvRecord::priority).priority;
  const bool all_are_zero =
      std::ranges::all_of(records, [](const net::SrvRecord& record) { return record.weight == 0; });
  std::vector<Upstream::Endpoint> endpoints;
  std::set<std::string> keys;
  for (const net::SrvRecord& record : records) {
    auto url = url_of(scheme_of_service(name_), record);
    if (!url) continue;
    Upstream::Endpoint endpoint(std::move(*url), weight_of(record, all_are_zero),
                                record.priority > lowest);
    if (keys.insert(Endpoint::key_of(endpoint)).second) endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty()) return keep(false, "no usable host in the response", now);
  std::ranges::sort(endpoints, {}, [](const Upstream::Endpoint& endpoint) {
    return std::pair(endpoint.backup, endpoint.url.to_string());
  });
  return replace(std::move(endpoints), answer.ttl, now);
}

std::string FoundEndpoints::keep(bool is_absent, const std::string& failure, Time now) {
  next_ = io::deadline_after(now, kAskAgain);
  if (!is_absent) {
    absent_since_.reset();
  } else if (!absent_since_) {
    absent_since_ = now;
  }
  const bool is_gone = absent_since_ && now - *absent_since_ >= net::DnsChannel::kAbsenceGrace &&
                       !endpoints_.empty();
  if (is_gone) {
    endpoints_.clear();
    return name_ + " no longer exists: its endpoints were removed";
  }
  if (std::exchange(last_failure_, failure) == failure) return "";
  return name_ + ": " + failure + "; the last good response is kept";
}

std::string FoundEndpoints::replace(std::vector<Upstream::Endpoint> endpoints,
                                    Duration ttl,
                                    Time now) {
  next_ = io::deadline_after(now, std::clamp(ttl, kMinTtl, kMaxTtl));
  absent_since_.reset();
  last_failure_.clear();
  const auto stay = std::ranges::count_if(
      endpoints_, [keys = keys_of(endpoints)](const Upstream::Endpoint& endpoint) {
        return keys.contains(Endpoint::key_of(endpoint));
      });
  const std::size_t before = endpoints_.size();
  const bool lost_most = is_known_ && 2 * static_cast<std::size_t>(stay) < before && before > 1;
  endpoints_ = std::move(endpoints);
  is_known_ = true;
  if (!lost_most) {
    if (endpoints_.size() == before) return "";
    return name_ + ": " + std::to_string(endpoints_.size()) + " endpoints";
  }
  return name_ + ": only " + std::to_string(stay) + " of " + std::to_string(before) +
         " endpoints remain";
}

}  // namespace onehop::upstream
