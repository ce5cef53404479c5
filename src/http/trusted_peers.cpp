// SPDX-License-Identifier: Apache-2.0

#include "http/trusted_peers.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace onehop {

Result<TrustedPeers> TrustedPeers::parse(const std::vector<std::string>& entries,
                                         std::string_view option) {
  TrustedPeers peers;
  for (const std::string& entry : entries) {
    if (entry == "unix") {
      peers.unix_ = true;
    } else if (const std::optional<IpNetwork> network = IpNetwork::parse(entry)) {
      peers.networks_.push_back(*network);
    } else {
      return failure(Errc::bad_option, Side::local,
                     std::string(option) + ": " + IpNetwork::why_none(entry));
    }
  }
  return peers;
}

TrustedPeers::TrustedPeers(const std::vector<std::string>& entries) {
  Result<TrustedPeers> parsed = parse(entries, "trust");
  if (!parsed) throw std::invalid_argument(std::string(parsed.error().detail()));
  *this = std::move(*parsed);
}

bool TrustedPeers::includes(std::string_view peer) const noexcept {
  if (peer.empty()) return unix_;
  if (networks_.empty()) return false;
  const std::optional<IpAddress> address = IpAddress::parse(peer);
  return address && includes(*address);
}

bool TrustedPeers::includes(const IpAddress& address) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace onehop
