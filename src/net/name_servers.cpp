// SPDX-License-Identifier: Apache-2.0
#include "net/name_servers.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace onehop::net {
namespace {

constexpr std::uint16_t kPort = 53;

std::unexpected<Error> refuse_server(std::string_view text, std::string_view why) {
  std::string detail = "'";
  detail.append(text).append("' ").append(why);
  return failure(Errc::bad_option, Side::local, std::move(detail));
}

}  // namespace

Result<Address> parse_name_server(std::string_view text) {
  if (const auto address = Address::from_ip(text, kPort)) return *address;
  const std::size_t colon = text.rfind(':');
  const std::string_view ip = text.substr(0, colon);
  // Without brackets, the last colon of an IPv6 address does not begin a port.
  const bool has_port =
      colon != std::string_view::npos && (ip.ends_with(']') || std::ranges::count(text, ':') == 1);
  const bool is_ip = has_port && Address::from_ip(ip, kPort).has_value();
  if (!is_ip) {
    return refuse_server(
        text, "is not an IP address, optionally with a port: 10.0.0.53 or [fd00::53]:5353");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port || *port == 0) return refuse_server(text, "does not end in a port from 1 to 65535");
  return *Address::from_ip(ip, *port);
}

std::string list_of_name_servers(const std::vector<std::string>& servers) {
  std::string list;
  for (const std::string& server : servers) {
    const Result<Address> address = parse_name_server(server);
    if (!address) {
      throw std::invalid_argument("dns_servers: " + std::string(address.error().detail()));
    }
    list.append(list.empty() ? "" : ",").append(address->to_string());
  }
  return list;
}

}  // namespace onehop::net
