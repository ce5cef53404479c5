// SPDX-License-Identifier: Apache-2.0
//
// Reads addresses and networks from text. Each accepted text reads the same after it is written,
// and the two readers of IP literals agree. Input: a text, or two with a NUL between them.

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/ip_network.hpp"
#include "net/address.hpp"

#include <string>
#include <string_view>

namespace onehop::fuzz {
namespace {

void check_literal(std::string_view text) {
  const auto ip = IpAddress::parse(text);
  const auto address = net::Address::from_ip(text, 80);
  const bool plain = text.find_first_of("%[") == std::string_view::npos;
  if (plain) ONEHOP_CHECK(ip.has_value() == address.has_value());
  if (!address) return;
  const std::string written = address->ip();
  const auto again = IpAddress::parse(written);
  ONEHOP_CHECK(again.has_value());
  if (ip) {
    ONEHOP_CHECK(again->bytes() == ip->bytes() && again->is_v4() == ip->is_v4());
    const auto itself = IpNetwork::parse(written);
    ONEHOP_CHECK(itself && itself->contains(*ip));
  }
  const auto listening = net::Address::parse_listen(address->to_string());
  // An IPv4 address mapped into IPv6 is written as IPv4.
  const bool is_mapped = again->is_v4() && text.find(':') != std::string_view::npos;
  ONEHOP_CHECK(listening && (is_mapped || *listening == *address));
}

void check_listen(std::string_view text) {
  const auto address = net::Address::parse_listen(text);
  if (!address) {
    ONEHOP_CHECK(!address.error().detail().empty());
    return;
  }
  const std::string written = address->to_string();
  // Two slashes at the start of the path would be read as those after the scheme of a URL.
  if (written.starts_with("unix://")) return;
  const auto again = net::Address::parse_listen(written);
  ONEHOP_CHECK(again && again->to_string() == written);
  (void)net::listens_with_tls(text, false);
}

void check_network(std::string_view text, std::string_view other) {
  const auto network = IpNetwork::parse(text);
  if (!network) return;
  const auto base = IpAddress::parse(text.substr(0, text.find('/')));
  ONEHOP_CHECK(base && network->contains(*base));
  const auto address = IpAddress::parse(other);
  if (!address || !network->contains(*address)) return;
  ONEHOP_CHECK(address->is_v4() == base->is_v4());
}

}  // namespace

void fuzz_one(std::string_view input) {
  check_literal(input);
  check_listen(input);
  const std::string_view network = take_text(input);
  check_network(network, input);
}

}  // namespace onehop::fuzz
