// SPDX-License-Identifier: Apache-2.0
#include "config/secrets.hpp"

#include "base/ascii.hpp"
#include "config/plain_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace onehop::config {
namespace {

// Fields whose value is public anyway or of no use to an attacker.
constexpr auto kHarmless = std::to_array<std::string_view>({
    "Accept",
    "Accept-Encoding",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Alt-Svc",
    "Cache-Control",
    "Content-Language",
    "Content-Security-Policy",
    "Content-Type",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Expires",
    "Host",
    "Permissions-Policy",
    "Pragma",
    "Referrer-Policy",
    "Server",
    "Strict-Transport-Security",
    "Vary",
    "X-Content-Type-Options",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Frame-Options",
    "X-Robots-Tag",
});

bool is_harmless(std::string_view name) {
  return std::ranges::any_of(
      kHarmless, [name](std::string_view one) { return ascii::equals_ignoring_case(name, one); });
}

// Reports whether the value consists of placeholders and punctuation alone.
bool is_of_the_request(std::string_view value) {
  while (!value.empty()) {
    const auto end = value.starts_with('{') ? value.find('}') : std::string_view::npos;
    const bool is_placeholder = end != std::string_view::npos && !value.starts_with("{{");
    const bool is_punctuation = std::string_view(" \t,;:/=\"()<>[]").contains(value.front());
    if (!is_placeholder && !is_punctuation) return false;
    value.remove_prefix(is_placeholder ? end + 1 : 1);
  }
  return true;
}

void hide_value(std::string& field) {
  const auto colon = field.find(':');
  if (colon == std::string::npos) return;
  const std::string_view whole = field;
  if (is_harmless(trimmed(whole.substr(0, colon)))) return;
  if (is_of_the_request(whole.substr(colon + 1))) return;
  field = field.substr(0, colon) + ": (hidden)";
}

// Hides the query up to a blank, which ends the URL. A weight may follow, which is not secret.
void hide_query(std::string& url) {
  const auto query = url.find('?');
  if (query == std::string::npos) return;
  const auto end = std::min(url.find(' ', query), url.size());
  url = url.substr(0, query) + "?(hidden)" + url.substr(end);
}

}  // namespace

void hide_secrets(const Setting& setting, std::vector<std::string>& values) {
  for (std::string& value : values) {
    if (setting.content == Content::field) hide_value(value);
    if (setting.content == Content::url) hide_query(value);
  }
}

std::string shown_url(const Url& url) {
  std::string text = url.to_string();
  hide_query(text);
  return text;
}

}  // namespace onehop::config
