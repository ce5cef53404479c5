// SPDX-License-Identifier: Apache-2.0
//
// The kinds of the settings for logs and traces.
// Thread: any.
#pragma once

#include <onehop/url.hpp>

#include "config/parsed.hpp"
#include "config/setting.hpp"
#include "observe/log_destination.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct LogPlace {
  static constexpr std::string_view kPlaceholder = "stdout|FILE|syslog";
  static Parsed<observe::LogDestination> parse(std::string_view text);
  static std::string show(const observe::LogDestination& value) { return value.to_string(); }
};

// A field of the access log.
struct LogFieldName {
  static constexpr std::string_view kPlaceholder = "NAME";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

// The collector that spans are sent to.
struct CollectorUrl {
  static constexpr std::string_view kPlaceholder = "URL";
  static constexpr Content kContent = Content::url;
  static Parsed<Url> parse(std::string_view text);
  static std::string show(const std::optional<Url>& value) {
    return value ? value->to_string() : std::string();
  }
};

// A probability, such as "1%".
struct SampleShare {
  static constexpr std::string_view kPlaceholder = "SHARE";
  static constexpr Content kContent = Content::share;
  static Parsed<double> parse(std::string_view text);
  static std::string show(double value);
};

// Returns the reason if a field is named twice, else "".
std::string contradiction_in_log_fields(const std::vector<std::string>& names);

}  // namespace onehop::config
