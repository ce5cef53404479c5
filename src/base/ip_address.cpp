// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace onehop {
namespace {

static_assert(kLongestIpText == INET6_ADDRSTRLEN);

constexpr std::size_t kV4At = 12;  // where an IPv4 address begins among the 16 bytes
constexpr std::array<std::uint8_t, kV4At> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpLiteral> parse_ip_literal(std::string_view text) noexcept {
  std::array<char, kLongestIpText> terminated{};  // as inet_pton(3) requires
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated.begin());
  IpLiteral literal;
  literal.is_v4 = ::inet_pton(AF_INET, terminated.data(), literal.bytes.data()) == 1;
  if (literal.is_v4) return literal;
  if (::inet_pton(AF_INET6, terminated.data(), literal.bytes.data()) != 1) return std::nullopt;
  return literal;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  const std::size_t zone = text.find('%');
  const std::optional<IpLiteral> literal = parse_ip_literal(text.substr(0, zone));
  if (!literal || (literal->is_v4 && zone != std::string_view::npos)) return std::nullopt;
  IpAddress address;
  if (literal->is_v4) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes_.begin());
    std::copy_n(literal->bytes.begin(), 4, address.bytes_.begin() + kV4At);
  } else {
    address.bytes_ = literal->bytes;
  }
  address.is_v4_ = std::equal(kMapped.begin(), kMapped.end(), address.bytes_.begin());
  return address;
}

char* IpAddress::write(char* out) const noexcept {
  if (is_v4_) {
    ::inet_ntop(AF_INET, bytes_.data() + kV4At, out, kLongestText);
  } else {
    ::inet_ntop(AF_INET6, bytes_.data(), out, kLongestText);
  }
  return out + std::strlen(out);
}

}  // namespace onehop
