// SPDX-License-Identifier: Apache-2.0

#include "http/ip_network.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace onehop {
namespace {

constexpr std::size_t kV4At = 12;  // where the IPv4 address begins among the 16 bytes
constexpr unsigned kV4Bits = kV4At * 8;

}  // namespace

std::optional<IpNetwork> IpNetwork::read(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const std::string_view literal = text.substr(0, slash);
  const std::optional<IpAddress> base = IpAddress::parse(literal);
  if (!base) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork(*base, 128);

  const std::optional<std::uint64_t> bits = ascii::parse_decimal(text.substr(slash + 1));
  const bool is_dotted = literal.find(':') == std::string_view::npos;
  if (!bits || *bits > (is_dotted ? 32 : 128)) return std::nullopt;
  const unsigned prefix = static_cast<unsigned>(*bits) + (is_dotted ? kV4Bits : 0);
  // A block wider than the mapped addresses is a mistake, not "every IPv4 address".
  if (base->is_v4() && prefix < kV4Bits) return std::nullopt;
  return IpNetwork(*base, prefix);
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) noexcept {
  if (text.find('%') != std::string_view::npos) return std::nullopt;
  const std::optional<IpNetwork> network = read(text);
  if (!network || network->masked() != network->base_.bytes()) return std::nullopt;
  return network;
}

// Returns the address with zeros after the prefix.
std::array<std::uint8_t, 16> IpNetwork::masked() const noexcept {
  auto data = base_.bytes();
  for (unsigned bit = prefix_; bit < data.size() * 8; ++bit)
    data[bit / 8] = static_cast<std::uint8_t>(data[bit / 8] & ~(0x80U >> (bit % 8)));
  return data;
}

bool IpNetwork::contains(const IpAddress& address) const noexcept {
  if (address.is_v4() != base_.is_v4()) return false;
  const std::size_t whole = prefix_ / 8;
  const auto& ours = base_.bytes();
  const auto& theirs = address.bytes();
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  const unsigned rest = prefix_ % 8;
  return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

std::string IpNetwork::to_string() const {
  const auto data = masked();
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_v4 = base_.is_v4();
  inet_ntop(is_v4 ? AF_INET : AF_INET6, data.data() + (is_v4 ? kV4At : 0), text.data(),
            static_cast<socklen_t>(text.size()));
  return std::string(text.data()) + "/" + std::to_string(prefix_ - (is_v4 ? kV4Bits : 0));
}

std::string IpNetwork::why_none(std::string_view text) {
  if (parse(text)) return {};
  const std::string quoted = "'" + std::string(text) + "'";
  const std::string_view literal = text.substr(0, text.find('/'));
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos) {
    if (!read(text)) return quoted + " is not a network such as 10.0.0.0/8, ::1 or unix";
    return quoted + " has a zone, which is not compared; did you mean " +
           std::string(text.substr(0, zone)) + "?";
  }
  if (const auto network = read(text)) {
    return quoted + " has bits after its prefix; did you mean " + network->to_string() +
           ", or the one address " + std::string(literal) + "?";
  }
  if (text.size() > 2 && text.front() == '[' && text.back() == ']' &&
      parse(text.substr(1, text.size() - 2))) {
    return quoted + " has brackets, as only URLs do; did you mean " +
           std::string(text.substr(1, text.size() - 2)) + "?";
  }
  return quoted + " is not a network such as 10.0.0.0/8, ::1 or unix";
}

}  // namespace onehop
