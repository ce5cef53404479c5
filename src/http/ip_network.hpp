// SPDX-License-Identifier: Apache-2.0
//
// IpNetwork is a CIDR block. It describes the addresses of trusted peers and clients.
// Thread: any.
#pragma once

#include "base/ip_address.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onehop {

class IpNetwork {
 public:
  // Parses "10.0.0.0/8", "2001:db8::/32" or a single address. Refuses zones, and bits after the
  // prefix: "10.0.0.1/8" could mean the address or the whole network.
  static std::optional<IpNetwork> parse(std::string_view text) noexcept;

  // Explains why parse() refuses the text and suggests the network that was probably meant. Returns
  // "" if parse() accepts it.
  static std::string why_none(std::string_view text);

  // Returns a text such as "10.0.0.0/8".
  std::string to_string() const;
  // Reports whether the network contains `address`. "::/0" does not contain IPv4 addresses.
  bool contains(const IpAddress& address) const noexcept;

 private:
  IpNetwork(const IpAddress& base, unsigned prefix) noexcept : base_(base), prefix_(prefix) {}

  // Like parse(), but ignores zones and bits after the prefix.
  static std::optional<IpNetwork> read(std::string_view text) noexcept;
  std::array<std::uint8_t, 16> masked() const noexcept;

  IpAddress base_;
  unsigned prefix_;  // in bits, at most 128
};

}  // namespace onehop
