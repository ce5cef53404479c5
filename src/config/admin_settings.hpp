// SPDX-License-Identifier: Apache-2.0
//
// The settings of the admin listeners, and their kinds.
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct AdminSettings {
  std::string address = {};     // for browsers and scrapers; "": none
  std::string socket = "auto";  // "off", a path, or "auto": in the service's or user's folder
  std::string token_file = {};  // "": none
  std::string client_ca = {};   // "": clients present no certificate
  std::vector<std::string> names = {};
  std::string health_path = {};  // "": none
  bool ready_needs_upstream = false;
  // The upper bounds of the buckets in /metrics; if empty, those of observe::Buckets.
  std::vector<std::chrono::nanoseconds> metrics_buckets = {};
};

// "127.0.0.1:9090", or "https://:9090", which uses the certificates of --tls.
struct AdminAddress {
  static constexpr std::string_view kPlaceholder = "ADDR";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct AdminSocket {
  static constexpr std::string_view kPlaceholder = "PATH|auto|off";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

// A name without a port.
struct AdminName {
  static constexpr std::string_view kPlaceholder = "NAME";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct MetricsBucket {
  static constexpr std::string_view kPlaceholder = "TIME";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::chrono::nanoseconds> parse(std::string_view text);
  static std::string show(std::chrono::nanoseconds bound);
};
// Returns "" if the bounds are ascending and not too many, else the reason.
std::string contradiction_in_buckets(const std::vector<std::chrono::nanoseconds>& bounds);

// A request path, without a query.
struct HealthPath {
  static constexpr std::string_view kPlaceholder = "PATH";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

}  // namespace onehop::config
