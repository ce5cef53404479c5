// SPDX-License-Identifier: Apache-2.0
//
// The kinds of the settings of an upstream: its backends, and how it spreads requests over them.
// Thread: any.
#pragma once

#include "config/parsed.hpp"
#include "config/setting.hpp"
#include "config/upstream_settings.hpp"

#include <string>
#include <string_view>

namespace onehop::config {

struct BackendUrl {
  static constexpr std::string_view kPlaceholder = "URL";
  static constexpr Content kContent = Content::url;
  static constexpr char kSeparator = ',';
  static Parsed<BackendAddress> parse(std::string_view text);
  static std::string show(const BackendAddress&) { return {}; }
  static std::string write(const BackendAddress& value);
};

struct BalanceWord {
  static constexpr std::string_view kPlaceholder = "least|round-robin|random|first";
  static constexpr Content kContent = Content::choice;
  static Parsed<Balance> parse(std::string_view text);
  static std::string show(Balance value);
};

struct StickyRule {
  static constexpr std::string_view kPlaceholder = "off|cookie|client|header:NAME";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct HealthCheckRule {
  static constexpr std::string_view kPlaceholder = "off|PATH|tcp|grpc";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct ResolveWord {
  static constexpr std::string_view kPlaceholder = "alternatives|each";
  static constexpr Content kContent = Content::choice;
  static Parsed<Upstream::Resolve> parse(std::string_view text);
  static std::string show(Upstream::Resolve value);
};

// A status from 500 to 599 of a backend's response, for --failure-status and --retry-status.
struct FailureStatus {
  static constexpr std::string_view kPlaceholder = "STATUS";
  static constexpr ValueType kType = ValueType::number;
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<int> parse(std::string_view text);
  static std::string show(int value) { return std::to_string(value); }
};

}  // namespace onehop::config
