// SPDX-License-Identifier: Apache-2.0

#include "http/trusted_peers.hpp"

#include <algorithm>
#include <stdexcept>

namespace onehop {

TrustedPeers::TrustedPeers(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (entry == "unix") {
      unix_ = true;
    } else if (const std::optional<IpNetwork> network = IpNetwork::parse(entry)) {
      networks_.push_back(*network);
    } else {
      throw std::invalid_argument("trust: " + IpNetwork::why_none(entry));
    }
  }
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
