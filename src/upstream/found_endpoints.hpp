// SPDX-License-Identifier: Apache-2.0
//
// FoundEndpoints: the endpoints of one name, from the DNS responses so far. A failed query keeps
// the last good response of each family of addresses. A name must be absent for a minute before its
// endpoints are given up: a name server that restarts may deny names that it has not loaded yet. It
// has no clock of its own. Thread: owner.
#pragma once

#include <onehop/upstream.hpp>

#include "net/dns_channel.hpp"
#include "upstream/endpoint.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::upstream {

// The scheme of the servers of a service, as its first label says: see Upstream::Options::services.
std::string_view scheme_of_service(std::string_view service);

class FoundEndpoints {
 public:
  // Each address of the host of `named` is an endpoint like it.
  explicit FoundEndpoints(Upstream::Endpoint named);
  // Each server of `service`, "_http._tcp.example.org", is an endpoint. The service's first label
  // says how it is spoken to: _https, _h2c and _grpc; any other is http.
  explicit FoundEndpoints(std::string service);

  bool is_service() const noexcept { return !named_.has_value(); }
  // The name to query.
  const std::string& name() const noexcept { return name_; }

  // Both return a line for a log, about a failed look-up or a changed number of endpoints; "" if
  // there is nothing to report.
  std::string take(const net::DnsChannel::Answer& answer, Time now);
  std::string take(const net::DnsChannel::ServiceAnswer& answer, Time now);
  // When to ask again.
  Time next() const noexcept { return next_; }
  // There was a good response.
  bool is_known() const noexcept { return is_known_; }
  // Before the first good response: the host itself, whose addresses are alternatives; nothing for
  // a service.
  const std::vector<Upstream::Endpoint>& endpoints() const noexcept { return endpoints_; }

 private:
  void keep_other_family(std::vector<Upstream::Endpoint>& endpoints) const;
  std::string keep(bool is_absent, const std::string& failure, Time now);
  std::string replace(std::vector<Upstream::Endpoint> endpoints, Duration ttl, Time now);

  const std::optional<Upstream::Endpoint> named_;
  const std::string name_;
  std::vector<Upstream::Endpoint> endpoints_;
  Time next_{};
  std::optional<Time> absent_since_;
  bool is_known_ = false;
  std::string last_failure_;  // that was reported
};

}  // namespace onehop::upstream
