// SPDX-License-Identifier: Apache-2.0

#include "http/forwarded_client.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/host.hpp"

namespace onehop {
namespace {

// Parses "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80".
std::optional<IpAddress> address_in(std::string_view entry) noexcept {
  if (entry.starts_with('[')) {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = entry.substr(end + 1);
    if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return std::nullopt;
    const std::string_view literal = entry.substr(1, end - 1);
    if (literal.find(':') == std::string_view::npos) return std::nullopt;
    return IpAddress::parse(literal);
  }
  const std::size_t colon = entry.find(':');
  const bool has_port = colon != std::string_view::npos && entry.rfind(':') == colon;
  if (!has_port) return IpAddress::parse(entry);
  if (!is_port(entry.substr(colon + 1))) return std::nullopt;
  return IpAddress::parse(entry.substr(0, colon));
}

}  // namespace

std::optional<IpAddress> forwarded_client(const Headers& headers,
                                          const TrustedPeers& trusted) noexcept {
  std::optional<IpAddress> client;
  if (!HeaderLines(headers).has(FieldId::x_forwarded_for)) return client;
  for (std::size_t i = headers.size(); i-- > 0;) {
    const FieldLine& line = HeaderLines(headers)[i];
    if (line.id != FieldId::x_forwarded_for) continue;
    std::string_view rest = line.field().value;
    while (!rest.empty()) {
      const std::size_t comma = rest.rfind(',');
      const bool is_last = comma == std::string_view::npos;
      const std::string_view entry = ascii::trim_blanks(is_last ? rest : rest.substr(comma + 1));
      rest = is_last ? std::string_view() : rest.substr(0, comma);
      if (entry.empty()) continue;
      const std::optional<IpAddress> address = address_in(entry);
      if (!address) return client;
      client = address;
      if (!trusted.includes(*address)) return client;
    }
  }
  return client;
}

}  // namespace onehop
