// SPDX-License-Identifier: Apache-2.0
//
// TrustedPeers: whose claims about the client are believed. Made once from Server::Options::trust
// or ReverseProxy::Options::trust, asked for every connection or request.
// Thread: any; constant after construction.
#pragma once

#include "http/ip_network.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop {

class TrustedPeers {
 public:
  TrustedPeers() = default;
  // Networks, addresses, and "unix" for peers without an address. Throws std::invalid_argument,
  // naming the entry, on anything else.
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
