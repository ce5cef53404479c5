// SPDX-License-Identifier: Apache-2.0
//
// IpAddress: an IP address and its literal. An IPv4 address mapped into IPv6 ("::ffff:10.0.0.1") is
// the IPv4 address. parse_ip_literal() keeps the family that was written.
// Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop {

// The longest literal, with its terminating NUL.
inline constexpr std::size_t kLongestIpText = 46;

// In network order. IPv4 uses the first four bytes.
struct IpLiteral {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4 = false;
};

// Parses an IPv4 or IPv6 literal without brackets, zone and port.
std::optional<IpLiteral> parse_ip_literal(std::string_view text) noexcept;

class IpAddress {
 public:
  // Parses "192.0.2.1", "2001:db8::1" or "fe80::1%eth0", whose zone is ignored. Accepts neither
  // brackets nor a port.
  static std::optional<IpAddress> parse(std::string_view text) noexcept;

  bool is_v4() const noexcept { return is_v4_; }
  static constexpr std::size_t kLongestText = kLongestIpText;
  // Writes the literal without a zone, in lower case: at most kLongestText bytes at `out`. Returns
  // the end.
  char* write(char* out) const noexcept;
  // In network order. An IPv4 address is mapped: it is the last four bytes.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v4_ = false;
};

}  // namespace onehop
