// SPDX-License-Identifier: Apache-2.0
#include "config/admin_settings.hpp"

#include <onehop/url.hpp>

#include "config/pointed_out.hpp"
#include "config/quantities.hpp"
#include "http/host.hpp"
#include "net/address.hpp"
#include "observe/histogram.hpp"

#include <cstddef>

namespace onehop::config {
namespace {

// Parses a duration, also in microseconds, since a local backend responds within a few hundred of
// them.
Parsed<std::chrono::nanoseconds> parse_short_duration(std::string_view text) {
  if (!text.ends_with("us")) return parse_duration(text);
  const auto count = parse_count(text.substr(0, text.size() - 2));
  constexpr std::size_t kMaxCount = 1'000'000'000;
  if (!count || *count > kMaxCount) return refused(in_quotes(text) + " is not a duration");
  return std::chrono::microseconds(*count);
}

}  // namespace

Parsed<std::string> AdminAddress::parse(std::string_view text) {
  const auto address = net::Address::parse_listen(text);
  if (!address) return refused(std::string(address.error().detail()));
  if (address->is_unix()) {
    return refused("--admin is for browsers and scrapers; the socket is --admin-socket " +
                   std::string(text.substr(text.find(':') + 1)));
  }
  return std::string(text);
}

Parsed<std::string> AdminSocket::parse(std::string_view text) {
  if (text == "off" || text == "auto") return std::string(text);
  if (text.starts_with("unix:")) text.remove_prefix(5);
  const auto address = net::Address::from_socket_path(text);
  if (!address) return refused(std::string(address.error().detail()));
  return std::string(text);
}

Parsed<std::string> AdminName::parse(std::string_view text) {
  const auto authority = split_authority(text);
  if (!authority || authority->has_colon)
    return refused(in_quotes(text) + " is not a host name without a port");
  return std::string(text);
}

Parsed<std::chrono::nanoseconds> MetricsBucket::parse(std::string_view text) {
  auto bound = parse_short_duration(text);
  if (bound && *bound <= std::chrono::nanoseconds::zero()) {
    return refused(in_quotes(text) + " is too short: a bound must be above zero");
  }
  constexpr std::chrono::hours kMax(24);
  if (bound && *bound > kMax) {
    return refused(in_quotes(text) + " is too large: the maximum is " + format_duration(kMax));
  }
  return bound;
}

std::string MetricsBucket::show(std::chrono::nanoseconds bound) {
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(bound);
  if (whole.count() % 1000 == 0) return format_duration(bound);
  return std::to_string(whole.count()) + "us";
}

std::string contradiction_in_buckets(const std::vector<std::chrono::nanoseconds>& bounds) {
  constexpr std::size_t kMax = observe::Buckets::kMax;
  if (bounds.size() > kMax) {
    return "--metrics-buckets has " + std::to_string(bounds.size()) + " bounds; the maximum is " +
           std::to_string(kMax);
  }
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    if (bounds[i - 1] < bounds[i]) continue;
    return "--metrics-buckets must ascend, but " + MetricsBucket::show(bounds[i]) + " follows " +
           MetricsBucket::show(bounds[i - 1]);
  }
  return {};
}

Parsed<std::string> HealthPath::parse(std::string_view text) {
  const auto url = Url::parse_target(text);
  const bool is_path =
      url && text.starts_with('/') && text.find_first_of("?#") == std::string_view::npos;
  if (!is_path) return refused(in_quotes(text) + " is not a path; write /health, for example");
  return std::string(text);
}

}  // namespace onehop::config
