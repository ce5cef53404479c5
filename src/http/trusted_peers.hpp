// SPDX-License-Identifier: Apache-2.0
//
// TrustedPeers is a set of peers: those whose forwarding fields are trusted, or those that begin a
// connection with a PROXY header. It is made from Server::Options::trust and proxy_protocol, or
// from ReverseProxy::Options::trust.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>

#include "http/ip_network.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop {

class TrustedPeers {
 public:
  TrustedPeers() = default;
  // Accepts networks, addresses, and "unix" for peers without an address. Anything else is
  // Errc::bad_option, whose detail names `option` and the entry.
  static Result<TrustedPeers> parse(const std::vector<std::string>& entries,
                                    std::string_view option);
  // Like parse() for the option "trust", but throws std::invalid_argument with that detail.
  explicit TrustedPeers(const std::vector<std::string>& entries);

  // Reports whether the set includes `peer`, in the form of ConnectionInfo::peer. Does not
  // allocate.
  bool includes(std::string_view peer) const noexcept;
  bool includes(const IpAddress& address) const noexcept;
  bool empty() const noexcept { return networks_.empty() && !unix_; }

 private:
  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace onehop
