// SPDX-License-Identifier: Apache-2.0
#include "program/listen_address.hpp"

#include "program/quantities.hpp"

namespace onehop::program {
namespace {

constexpr std::string_view kForms = ": say :8080, 127.0.0.1:8080, [::1]:8080 or unix:PATH";

bool is_port(std::string_view text) {
  const auto port = parse_count(text);
  return port && *port <= 65535;
}

}  // namespace

Parsed<std::string> parse_listen_address(std::string_view text) {
  std::string_view address = text;
  if (address.starts_with("unix:")) {
    if (address.size() == 5) return refused("'unix:' has no path" + std::string(kForms));
    return std::string(address);
  }
  if (address.starts_with("https://")) {
    return refused("'" + std::string(text) + "': this version listens for http only");
  }
  if (address.starts_with("http://")) {
    address.remove_prefix(7);
    if (address.ends_with('/')) address.remove_suffix(1);
    if (address.rfind(':') == std::string_view::npos) return std::string(address) + ":80";
  }
  if (is_port(address)) return ":" + std::string(address);
  const auto colon = address.rfind(':');
  const bool is_bare_ipv6 = address.find(':') != colon && !address.starts_with('[');
  if (colon == std::string_view::npos || is_bare_ipv6 || !is_port(address.substr(colon + 1))) {
    return refused("'" + std::string(text) + "' is no address with a port" + std::string(kForms));
  }
  return std::string(address);
}

}  // namespace onehop::program
