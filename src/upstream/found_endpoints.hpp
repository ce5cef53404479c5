// SPDX-License-Identifier: Apache-2.0
//
// FoundEndpoints holds the endpoints of one name, as found by the DNS responses so far. A failed
// query keeps the last good response of each address family. Endpoints are dropped only after their
// name has been absent for a minute, because a restarting name server may deny names that it has
// not loaded yet. It does not read a clock. Thread: owner.
#pragma once

#include <onehop/upstream.hpp>

#include "net/dns_channel.hpp"
#include "upstream/endpoint.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::upstream {

// Returns the scheme that the first label of `service` stands for: see Upstream::Options::services.
std::string_view scheme_of_service(std::string_view service);

class FoundEndpoints {
 public:
  // Each address of the host of `named` becomes a copy of `named` with that connect_address.
  explicit FoundEndpoints(Upstream::Endpoint named);
  // Each server of `service`, such as "_http._tcp.example.org", becomes an endpoint. The first
  // label determines the scheme: _https, _h2c and _grpc; any other label means http.
  explicit FoundEndpoints(std::string service);

  bool is_service() const noexcept { return !named_.has_value(); }
  // The name to query.
  const std::string& name() const noexcept { return name_; }

  // Both take a DNS response and return a line for a log if a look-up failed or the number of
  // endpoints changed, otherwise "".
  std::string take(const net::DnsChannel::Answer& answer, Time now);
  std::string take(const net::DnsChannel::ServiceAnswer& answer, Time now);
  // Returns when to query again.
  Time next() const noexcept { return next_; }
  // Reports whether there was a good response.
  bool is_known() const noexcept { return is_known_; }
  // Before the first good response, this is the host itself, whose addresses are alternatives;
  // empty for a service.
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
  std::string last_failure_;  // the last one that was reported
};

}  // namespace onehop::upstream
