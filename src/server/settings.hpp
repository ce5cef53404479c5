// SPDX-License-Identifier: Apache-2.0
//
// Settings: what a server goes by until its next update: the options, and all that was made of them
// and could fail. Making them changes nothing that serves. Thread: any; constant once workers use
// them.
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
  // Of proxy_protocol; null without any.
  std::shared_ptr<const TrustedPeers> proxies;
  std::shared_ptr<TlsCertificates> tls;  // null without TLS
  std::vector<OpenListener> listeners;   // in the order of the options

  // Each makes one member out of the options. `before`: what is in use; null at the start.
  // Errors: Errc::bad_option for values that no server can have; what the system reports.
  Result<void> check() const;
  Result<void> make_trusted();  // and `proxies`
  Result<void> make_tls(TlsCertificates::Log log, const Settings* before = nullptr);
  // Opens the sockets that `before` does not have, after make_trusted() and make_tls().
  Result<void> open_listeners(const Settings* before = nullptr);

  // With actual port numbers.
  std::vector<std::string> addresses() const;
  bool has(const Listener& listener) const noexcept;
};

}  // namespace onehop::server
