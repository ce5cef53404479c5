// SPDX-License-Identifier: Apache-2.0
//
// TrustedPeers: the peers whose forwarding fields are trusted. Made from Server::Options::trust or
// ReverseProxy::Options::trust.
// Thread: any; constant.
#pragma once

#include "http/ip_network.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop {

class TrustedPeers {
 public:
  TrustedPeers() = default;
  // Accepts networks, addresses, and "unix" for peers without an address. Throws
  // std::invalid_argument, which names the entry, for anything else.
  explicit TrustedPeers(const std::vector<std::string>& entries);

  // `peer` is ConnectionInfo::peer. Does not allocate.
  bool includes(std::string_view peer) const noexcept;
  bool includes(const IpAddress& address) const noexcept;
  bool empty() const noexcept { return networks_.empty() && !unix_; }

 private:
  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace onehop
