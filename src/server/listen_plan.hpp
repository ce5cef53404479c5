// SPDX-License-Identifier: Apache-2.0
//
// ListenPlan decides which sockets a server listens with: sockets that it has, sockets that it was
// given, and sockets that it has to open. Each start and each update makes one plan.
// Thread: owner.
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
  // `options` must outlive the plan. `has_tls`: there are certificates. `proxies`: from
  // Options::proxy_protocol.
  ListenPlan(const Server::Options& options,
             bool has_tls,
             std::shared_ptr<const TrustedPeers> proxies) noexcept
      : options_(options), has_tls_(has_tls), proxies_(std::move(proxies)) {}

  // `present`: the server's listeners. An entry with the address of one of them keeps its socket.
  void keep(std::span<const OpenListener> present) { present_ = present; }
  // Opens the sockets that are missing. After an error nothing has changed.
  Result<std::vector<OpenListener>> open();

 private:
  // An address to listen on.
  struct Entry {
    std::string text;
    net::Address address;
    bool with_tls = false;
    std::shared_ptr<net::TcpListener> given;  // from Options::open_sockets
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
  // Returns why a listener that is about to be removed keeps `entry` from being opened, or "".
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
