// SPDX-License-Identifier: Apache-2.0

#include "proxy/ip_network.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace onehop {
namespace {

constexpr std::size_t kV4At = 12;  // where the IPv4 address begins among the 16 octets
constexpr unsigned kV4Bits = kV4At * 8;
constexpr std::array<std::uint8_t, kV4At> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  text = text.substr(0, text.find('%'));
  std::array<char, INET6_ADDRSTRLEN> literal{};  // inet_pton wants the zero at the end
  if (text.size() >= literal.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), literal.begin());

  IpAddress address;
  if (inet_pton(AF_INET, literal.data(), address.octets_.data() + kV4At) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), address.octets_.begin());
  } else if (inet_pton(AF_INET6, literal.data(), address.octets_.data()) != 1) {
    return std::nullopt;
  }
  address.is_v4_ = std::equal(kMapped.begin(), kMapped.end(), address.octets_.begin());
  return address;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const std::string_view literal = text.substr(0, slash);
  const std::optional<IpAddress> base = IpAddress::parse(literal);
  if (!base) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork(*base, 128);

  const std::optional<std::uint64_t> bits = ascii::parse_decimal(text.substr(slash + 1));
  const bool is_dotted = literal.find(':') == std::string_view::npos;
  if (!bits || *bits > (is_dotted ? 32 : 128)) return std::nullopt;
  const unsigned prefix = static_cast<unsigned>(*bits) + (is_dotted ? kV4Bits : 0);
  // A wider block around the mapped addresses is a mistake, not "every IPv4 address".
  if (base->is_v4() && prefix < kV4Bits) return std::nullopt;
  return IpNetwork(*base, prefix);
}

bool IpNetwork::contains(const IpAddress& address) const noexcept {
  if (address.is_v4() != base_.is_v4()) return false;
  const std::size_t whole = prefix_ / 8;
  const auto& ours = base_.octets();
  const auto& theirs = address.octets();
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  const unsigned rest = prefix_ % 8;
  return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

}  // namespace onehop
