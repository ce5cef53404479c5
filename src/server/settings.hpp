// SPDX-License-Identifier: Apache-2.0
//
// Settings is what a server uses until its next update: the options, and everything that is made
// from them and can fail. Making settings does not affect a running server. They do not change once
// workers use them.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "http/trusted_peers.hpp"
#include "server/listener.hpp"
#include "server/tls_certificates.hpp"

#include <memory>
#include <string>
#include <vector>

namespace onehop::server {

struct Settings {
  std::shared_ptr<Server::Options> options = std::make_shared<Server::Options>();
  std::shared_ptr<const TrustedPeers> trusted = std::make_shared<const TrustedPeers>();
  // The peers of proxy_protocol; null if there are none.
  std::shared_ptr<const TrustedPeers> proxies;
  std::shared_ptr<TlsCertificates> tls;  // null without TLS
  std::vector<OpenListener> listeners;   // in the order of the options

  // check() looks at the options; each other function makes one member from them. `before`: the
  // settings in use, or null at the start. Errors: Errc::bad_option for values that no server can
  // have, and errors of the system.
  Result<void> check() const;
  Result<void> make_trusted();  // and `proxies`
  Result<void> make_tls(TlsCertificates::Log log, const Settings* before = nullptr);
  // Opens the sockets that `before` does not have, after make_trusted() and make_tls().
  Result<void> open_listeners(const Settings* before = nullptr);

  // Returns the addresses with their actual port numbers.
  std::vector<std::string> addresses() const;
  bool has(const Listener& listener) const noexcept;
};

}  // namespace onehop::server
