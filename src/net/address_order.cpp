// SPDX-License-Identifier: Apache-2.0
#include "net/address_order.hpp"

#include "io/file_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include <netinet/in.h>

namespace onehop::net {
namespace {

using V6 = std::array<unsigned char, 16>;

constexpr int kLinkLocalScope = 2;
constexpr int kSiteLocalScope = 5;
constexpr int kGlobalScope = 14;

// The default policy table (RFC 6724 §2.1).
struct Policy {
  V6 prefix;
  std::size_t bits;
  int precedence;
  int label;
};
constexpr Policy kPolicies[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},
    {{}, 96, 1, 3},
    {{0x20, 0x01}, 32, 5, 5},
    {{0x20, 0x02}, 16, 30, 2},
    {{0x3f, 0xfe}, 16, 1, 12},
    {{0xfe, 0xc0}, 10, 1, 11},
    {{0xfc}, 7, 3, 13},
    {{}, 0, 40, 1},
};

// Returns the IPv6 form of an address. IPv4 is mapped.
V6 mapped_v6_of(const Address& address) noexcept {
  V6 made{};
  if (address.family() == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(address.data());
    std::memcpy(made.data(), &in->sin6_addr, made.size());
  } else {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address.data());
    made[10] = made[11] = 0xff;
    std::memcpy(made.data() + 12, &in->sin_addr, 4);
  }
  return made;
}

bool has_prefix(const V6& address, const Policy& policy) noexcept {
  const std::size_t whole = policy.bits / 8;
  if (std::memcmp(address.data(), policy.prefix.data(), whole) != 0) return false;
  const std::size_t rest = policy.bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xff00U >> rest);
  return (address[whole] & mask) == policy.prefix[whole];
}

const Policy& policy_of(const V6& address) noexcept {
  return *std::ranges::find_if(kPolicies, [&](const Policy& p) { return has_prefix(address, p); });
}

// Returns the scope of an address (RFC 6724 §3.1 and §3.2).
int scope_of(const V6& address) noexcept {
  const Policy& policy = policy_of(address);
  if (policy.label == 4) {
    const bool loopback = address[12] == 127;
    const bool link_local = address[12] == 169 && address[13] == 254;
    return loopback || link_local ? kLinkLocalScope : kGlobalScope;
  }
  if (policy.label == 0) return kLinkLocalScope;
  if (address[0] == 0xff) return address[1] & 0x0f;
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) return kLinkLocalScope;
  return policy.label == 11 ? kSiteLocalScope : kGlobalScope;
}

// The smaller rank is preferred.
using Rank = std::tuple<bool, bool, bool, int, int>;

Rank rank_of(const Address& destination, const SourceOf& source_of) {
  const auto source = source_of(destination);
  const V6 to = mapped_v6_of(destination);
  const V6 from = source ? mapped_v6_of(*source) : V6{};
  const bool other_scope = !source || scope_of(from) != scope_of(to);
  const bool other_label = !source || policy_of(from).label != policy_of(to).label;
  return {!source, other_scope, other_label, -policy_of(to).precedence, scope_of(to)};
}

}  // namespace

// On a datagram socket, connect(2) sends nothing; it only looks up the route.
std::optional<Address> kernel_source_of(const Address& destination) {
  Address there = destination;
  if (there.port() == 0) there.set_port(1);
  const io::FileDescriptor probe(
      ::socket(there.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage source{};
  socklen_t size = sizeof source;
  if (!probe || ::connect(probe.get(), there.data(), there.size()) != 0 ||
      ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&source), &size) != 0) {
    return std::nullopt;
  }
  return Address(reinterpret_cast<const sockaddr*>(&source), size);
}

void sort_by_preference(std::vector<Address>& addresses, const SourceOf& source_of) {
  if (addresses.size() < 2) return;
  // Ties keep the name server's order.
  using Place = std::pair<Rank, std::size_t>;
  std::vector<std::pair<Place, Address>> ranked;
  ranked.reserve(addresses.size());
  for (const Address& address : addresses)
    ranked.emplace_back(Place(rank_of(address, source_of), ranked.size()), address);
  std::ranges::sort(ranked, {}, &std::pair<Place, Address>::first);
  for (std::size_t i = 0; i < ranked.size(); ++i)
    addresses[i] = ranked[i].second;
}

std::vector<Address> take_turns(const std::vector<Address>& sorted, std::size_t max) {
  if (sorted.empty()) return {};
  const int first_family = sorted.front().family();
  std::vector<Address> first;
  std::vector<Address> second;
  for (const Address& address : sorted) {
    (address.family() == first_family ? first : second).push_back(address);
  }
  std::vector<Address> turns;
  turns.reserve(sorted.size());
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) turns.push_back(first[i]);
    if (i < second.size()) turns.push_back(second[i]);
  }
  if (turns.size() > max) turns.resize(max);
  return turns;
}

}  // namespace onehop::net
