// SPDX-License-Identifier: Apache-2.0
//
// IpAddress and IpNetwork: IP literals and CIDR blocks, to tell who a peer or a client is. An IPv4
// address mapped into IPv6 ("::ffff:10.0.0.1") is the IPv4 address. Values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onehop {

class IpAddress {
 public:
  // "192.0.2.1", "2001:db8::1", "fe80::1%eth0" (the zone is ignored); no brackets, no port.
  static std::optional<IpAddress> parse(std::string_view text) noexcept;

  bool is_v4() const noexcept { return is_v4_; }
  static constexpr std::size_t kLongestText = 46;
  // As a literal without a zone, in lower case. Writes at most kLongestText bytes at `out` and
  // returns the end.
  char* write(char* out) const noexcept;
  // In network order. An IPv4 address is the last four.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v4_ = false;
};

class IpNetwork {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or one address. No zone, and no bits after the prefix:
  // "10.0.0.1/8" would leave it open whether one address is meant or all of the network.
  static std::optional<IpNetwork> parse(std::string_view text) noexcept;

  // Why parse() refuses the text, with the network that was probably meant; "" if it does not.
  static std::string why_none(std::string_view text);

  // "10.0.0.0/8"
  std::string to_string() const;
  // "::/0" holds no IPv4 address.
  bool contains(const IpAddress& address) const noexcept;

 private:
  IpNetwork(const IpAddress& base, unsigned prefix) noexcept : base_(base), prefix_(prefix) {}

  // Zones and bits after the prefix are passed over.
  static std::optional<IpNetwork> read(std::string_view text) noexcept;
  std::array<std::uint8_t, 16> masked() const noexcept;

  IpAddress base_;
  unsigned prefix_;  // of the 128 bits
};

}  // namespace onehop
