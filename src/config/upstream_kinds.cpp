// SPDX-License-Identifier: Apache-2.0
#include "config/upstream_kinds.hpp"

#include "base/ascii.hpp"
#include "config/backend_url.hpp"
#include "config/pointed_out.hpp"
#include "config/word_choice.hpp"
#include "upstream/found_endpoints.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace onehop::config {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kBalances = {"least", "round-robin", "random", "first"};
constexpr std::array<std::string_view, 2> kResolves = {"alternatives", "each"};
// The weight 0 means no requests. Other weights below this minimum are mistakes and would have many
// digits.
constexpr double kMinWeight = 1e-3;
constexpr double kMaxWeight = 1e6;
constexpr std::string_view kService = "srv://";

std::optional<double> parse_weight(std::string_view text) {
  double weight = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), weight, std::chars_format::fixed);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  const bool is_in_bounds = weight == 0 || (weight >= kMinWeight && weight <= kMaxWeight);
  if (!is_whole || !is_in_bounds) return std::nullopt;
  return std::abs(weight);  // -0 is 0
}

// Parses a service. The weights and backups of its servers come from its DNS records.
Parsed<BackendAddress> parse_service(std::string_view text) {
  const std::string_view name = text.substr(kService.size());
  auto url = Url::parse(std::string(upstream::scheme_of_service(name)) + "://" + std::string(name));
  if (const auto blank = name.find(' '); blank != std::string_view::npos) {
    return pointed_out(text, name.substr(blank + 1),
                       "srv:// takes weights and backups from its DNS records: remove them here");
  }
  const bool has_form = name.starts_with('_') && name.find("._tcp.") != std::string_view::npos;
  if (!has_form || !url || url->authority() != name) {
    return refused(in_quotes(text) + " is not a service; write srv://_http._tcp.example.org");
  }
  return BackendAddress{.url = std::move(*url), .service = std::string(name)};
}

std::string weight_text(double weight) {
  std::array<char, 32> room{};
  const auto [end, error] =
      std::to_chars(room.data(), room.data() + room.size(), weight, std::chars_format::fixed);
  return {room.data(), error == std::errc() ? end : room.data()};
}

}  // namespace

Parsed<BackendAddress> BackendUrl::parse(std::string_view text) {
  if (text.starts_with(kService)) return parse_service(text);
  BackendAddress backend;
  std::string_view url = text.substr(0, text.find(" weight="));
  url = url.substr(0, url.find(" backup"));
  std::string_view rest = text.substr(url.size());
  bool has_weight = false;
  while (!(rest = ascii::trim_blanks(rest)).empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    if (word == "backup") {
      backend.is_backup = true;
      continue;
    }
    const auto weight =
        word.starts_with("weight=") ? parse_weight(word.substr(7)) : std::optional<double>();
    if (!weight || std::exchange(has_weight, true)) {
      return pointed_out(
          text, word,
          "only one weight=NUMBER, 0 or 0.001 to 1000000, and backup may follow the URL");
    }
    backend.weight = *weight;
  }
  auto parsed = parse_backend_url(ascii::trim_blanks(url));
  if (!parsed) return refused(parsed.error());
  backend.url = std::move(*parsed);
  return backend;
}

std::string BackendUrl::write(const BackendAddress& value) {
  if (!value.service.empty()) return std::string(kService) + value.service;
  std::string text = value.url.to_string();
  if (value.weight != 1) text += " weight=" + weight_text(value.weight);
  if (value.is_backup) text += " backup";
  return text;
}

Parsed<Balance> BalanceWord::parse(std::string_view text) {
  return one_of<Balance>(text, kPlaceholder, kBalances);
}

std::string BalanceWord::show(Balance value) {
  return std::string(kBalances[static_cast<std::size_t>(value)]);
}

Parsed<std::string> StickyRule::parse(std::string_view text) {
  const std::string_view name = text.substr(std::min(text.find(':') + 1, text.size()));
  const bool has_name = text.starts_with("cookie:") || text.starts_with("header:");
  if (has_name && ascii::is_token(name)) return std::string(text);
  if (has_name)
    return refused(in_quotes(text) + " needs a valid cookie or field name after the colon");
  if (text == "off" || text == "cookie" || text == "client") return std::string(text);
  return none_of(text, kPlaceholder);
}

Parsed<std::string> HealthCheckRule::parse(std::string_view text) {
  if (text == "off" || text == "tcp" || text == "grpc") return std::string(text);
  if (text.starts_with("grpc:") && text.size() > 5) return std::string(text);
  if (!text.starts_with('/')) return none_of(text, kPlaceholder);
  const auto target = Url::parse_target(text);
  if (!target) return refused(in_quotes(text) + ": " + std::string(target.error().detail()));
  return std::string(text);
}

Parsed<Upstream::Resolve> ResolveWord::parse(std::string_view text) {
  return one_of<Upstream::Resolve>(text, kPlaceholder, kResolves);
}

std::string ResolveWord::show(Upstream::Resolve value) {
  return std::string(kResolves[static_cast<std::size_t>(value)]);
}

Parsed<int> FailureStatus::parse(std::string_view text) {
  const auto code = ascii::parse_decimal(text);
  if (!code || *code < 500 || *code > 599) {
    return refused(in_quotes(text) + " is not a status from 500 to 599");
  }
  return static_cast<int>(*code);
}

}  // namespace onehop::config
