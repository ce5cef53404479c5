// SPDX-License-Identifier: Apache-2.0
//
// UpstreamSettings configures how an upstream spreads its requests over its backends, and how it
// finds out which of them work.
// Thread: any; constant.
#pragma once

#include <onehop/upstream.hpp>
#include <onehop/url.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace onehop::config {

// One of several interchangeable backends, "http://b:8000 weight=2" or "http://c:8000 backup", or
// all servers of a service, "srv://_http._tcp.example.org".
struct BackendAddress {
  Url url;  // for a service: the scheme of its servers, and its name
  double weight = 1;
  bool is_backup = false;
  std::string service = {};

  friend bool operator==(const BackendAddress&, const BackendAddress&) = default;
};

struct UpstreamSettings {
  Balance balance = Balance::least;
  // "off", "cookie", "cookie:NAME", "client" or "header:NAME".
  std::string sticky = "off";
  std::string sticky_key = {};  // a file
  // "off", a path, "tcp", "grpc" or "grpc:SERVICE".
  std::string health_check = "off";
  std::string health_check_host = {};
  std::chrono::nanoseconds health_check_interval = std::chrono::seconds(5);
  std::chrono::nanoseconds health_check_timeout = std::chrono::seconds(2);
  Upstream::Resolve resolve = Upstream::Resolve::alternatives;
  std::chrono::nanoseconds slow_start = std::chrono::seconds(10);
  std::chrono::nanoseconds eject_time = std::chrono::seconds(10);
  std::chrono::nanoseconds max_eject_time = std::chrono::minutes(5);
  std::vector<int> failure_statuses = {};
  std::vector<int> retry_statuses = {};
  std::uint64_t max_attempts = 3;

  friend bool operator==(const UpstreamSettings&, const UpstreamSettings&) = default;
};

// Reports whether one of the backends is a service.
bool have_service(const std::vector<BackendAddress>& backends);

// Returns the reason if these cannot be backends of one upstream, else "".
std::string why_not_together(const std::vector<BackendAddress>& backends);

}  // namespace onehop::config
