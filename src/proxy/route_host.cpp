// SPDX-License-Identifier: Apache-2.0

#include "proxy/route_host.hpp"

#include "base/ascii.hpp"
#include "http/idna.hpp"

#include <algorithm>
#include <optional>

namespace onehop {
namespace {

std::unexpected<Error> bad_host(std::string_view text, std::string_view why) {
  return failure(Errc::bad_option, Side::local,
                 "\"" + std::string(text) + "\" " + std::string(why));
}

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Returns the host of a Host field, unchanged.
std::string_view host_of(std::string_view field) noexcept {
  if (field.starts_with('[')) return field.substr(1, field.find(']') - 1);
  const std::size_t colon = field.find(':');
  if (colon == std::string_view::npos) return field;
  const bool is_bare_v6 = field.find(':', colon + 1) != std::string_view::npos;
  return is_bare_v6 ? field : field.substr(0, colon);
}

}  // namespace

Result<std::string> parse_host_pattern(std::string_view text) {
  const bool below = text.starts_with("*.");
  std::string host(below ? text.substr(2) : text);
  if (text == "*") return bad_host(text, "is not a host name: leave hosts out to match any host");
  if (host.find('*') != std::string::npos) {
    return bad_host(text, "may have '*' only at its beginning: write \"*.example.org\"");
  }
  if (host.find("://") != std::string::npos || host.find('/') != std::string::npos) {
    return bad_host(text, "is a URL: write its host only");
  }
  if (!is_ascii(host)) {
    const std::optional<std::string> ascii_form = idna_to_ascii(host);
    if (!ascii_form) return bad_host(text, "is not a host name");
    host = *ascii_form;
  }
  const bool is_bare_v6 = is_ipv6_address(host);
  const std::optional<Authority> parts = split_authority(host);
  if (parts && parts->has_colon) return bad_host(text, "has a port: write the host only");
  if (!is_bare_v6 && !parts) return bad_host(text, "is not a host name");
  if (below && (is_bare_v6 || parts->bracketed))
    return bad_host(text, "has an IP address after \"*.\": write a host name");
  const std::string compared(ComparedHost(host).text());
  if (compared.empty()) return bad_host(text, "is not a host name");
  return below ? "." + compared : compared;
}

ComparedHost::ComparedHost(std::string_view field) noexcept {
  std::string_view host = host_of(field);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > room_.size()) return;
  std::ranges::transform(host, room_.begin(), ascii::to_lower);
  size_ = host.size();
}

}  // namespace onehop
