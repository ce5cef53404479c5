// SPDX-License-Identifier: Apache-2.0

#include "http/host.hpp"

#include "base/ascii.hpp"
#include "base/ip_address.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"

#include <algorithm>

namespace onehop {
namespace {

// RFC 3986 reg-name, without the comma: a list of hosts is not a host.
bool is_reg_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (ascii::is_reg_name_byte(text[i])) continue;
    const bool escape = text[i] == '%' && text.size() - i >= 3 &&
                        ascii::hex_value(text[i + 1]) >= 0 && ascii::hex_value(text[i + 2]) >= 0;
    if (!escape) return false;
    i += 2;
  }
  return !text.empty() && text.size() <= kMaxHostSize;
}

// Splits at the zone separator: "%25" (RFC 6874), or the bare "%" that people type.
bool split_zone(std::string_view& address, std::string_view& zone) noexcept {
  const std::size_t percent = address.find('%');
  if (percent == std::string_view::npos) return true;
  zone = address.substr(percent + 1);
  if (zone.size() > 2 && zone.starts_with("25")) zone.remove_prefix(2);
  address = address.substr(0, percent);
  return is_reg_name(zone);
}

// Removes "[...]" from the front of `text`.
bool take_bracketed(std::string_view& text, Authority& authority) noexcept {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return false;
  authority.host = text.substr(1, close - 1);
  authority.bracketed = true;
  text.remove_prefix(close + 1);
  return split_zone(authority.host, authority.zone) && is_ipv6_address(authority.host);
}

}  // namespace

bool is_port(std::string_view text) noexcept {
  if (text.size() > 5) return false;
  const std::optional<std::uint64_t> port = ascii::parse_decimal(text);
  return port && *port <= 65535;
}

bool is_ipv6_address(std::string_view text) noexcept {
  const std::optional<IpLiteral> literal = parse_ip_literal(text);
  return literal && !literal->is_v4;
}

std::optional<Authority> split_authority(std::string_view text) noexcept {
  Authority authority;
  if (text.starts_with('[')) {
    if (!take_bracketed(text, authority)) return std::nullopt;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    authority.host = text.substr(0, colon);
    text.remove_prefix(colon);
    if (!is_reg_name(authority.host)) return std::nullopt;
  }
  if (text.empty()) return authority;
  authority.has_colon = true;
  if (text.front() != ':') return std::nullopt;
  authority.port = text.substr(1);
  if (!authority.port.empty() && !is_port(authority.port)) return std::nullopt;
  return authority;
}

bool is_valid_host(std::string_view text) noexcept {
  return text.empty() || split_authority(text) || is_ipv6_address(text);
}

Result<void> check_host(Version version, const Headers& headers) {
  if (!HeaderLines(headers).has(FieldId::host)) {
    if (version != Version::http_1_1) return {};
    return failure(Errc::bad_request, Side::client, "no Host field");
  }
  std::size_t lines = 0;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::host) continue;
    if (++lines > 1) return failure(Errc::bad_request, Side::client, "more than one Host field");
    if (!is_valid_host(line.field().value)) {
      return failure(Errc::bad_request, Side::client, "the Host field is not a valid host");
    }
  }
  return {};
}

}  // namespace onehop
