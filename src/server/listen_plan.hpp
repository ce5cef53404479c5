// SPDX-License-Identifier: Apache-2.0
//
// ListenPlan: which sockets a server listens with: those that it has already, those that it was
// given, and those that are still to be opened. One plan for each start and update. Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "net/listen_overlap.hpp"
#include "net/tcp_listener.hpp"
#include "server/listener.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::server {

class ListenPlan {
 public:
  // `options` outlives it. `has_tls`: there are certificates. `proxies`: those of proxy_protocol.
  ListenPlan(const Server::Options& options,
             bool has_tls,
             std::shared_ptr<const TrustedPeers> proxies) noexcept
      : options_(options), has_tls_(has_tls), proxies_(std::move(proxies)) {}

  // `present`: those of the server. An entry with the address of one keeps its socket.
  void keep(std::span<const OpenListener> present) { present_ = present; }
  // Opens what is missing. After an error nothing has changed.
  Result<std::vector<OpenListener>> open();

 private:
  // An address to listen on.
  struct Entry {
    std::string text;
    net::Address address;
    bool with_tls = false;
    std::shared_ptr<net::TcpListener> given;  // Options::open_sockets
    std::shared_ptr<Listener> kept;
    bool is_proxied = false;
  };
  struct Given {
    const Server::OpenSocket& option;
    std::shared_ptr<net::TcpListener> socket;
    bool is_used = false;
  };

  Result<void> adopt_given();
  static bool is_for(const Given& given, const net::Address& address);
  Result<void> add(const std::string& text);
  Result<void> add_named(const std::string& text, std::string_view name, bool with_tls);
  Result<void> check() const;
  Result<void> mark_proxied();
  void match_present();
  Result<OpenListener> open(const Entry& entry) const;
  // "" if nothing that is about to be removed keeps it from being opened.
  std::string why_blocked(const Entry& entry) const;
  bool is_kept(const Listener& listener) const noexcept;
  net::ListenOptions listen_options() const noexcept;

  const Server::Options& options_;
  const bool has_tls_;
  const std::shared_ptr<const TrustedPeers> proxies_;
  std::span<const OpenListener> present_;
  std::vector<Given> given_;
  std::vector<Entry> entries_;
};

}  // namespace onehop::server
