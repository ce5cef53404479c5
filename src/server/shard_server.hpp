// SPDX-License-Identifier: Apache-2.0
//
// ShardServer: the part of a server that lives on one thread: its share of the listeners, its
// connections, and what they have in common. Draining: stop accepting, let exchanges finish, end
// tunnels that are silent, cut the rest at the deadline.
#pragma once

#include <onehop/server.hpp>

#include "base/intrusive_list.hpp"
#include "http/date.hpp"
#include "http/h1/limits.hpp"
#include "http/h2/session.hpp"
#include "http/trusted_peers.hpp"
#include "io/reactor.hpp"
#include "net/tcp_listener.hpp"
#include "server/client_connection.hpp"
#include "server/client_limit.hpp"
#include "server/line_limit.hpp"
#include "server/line_writer.hpp"
#include "server/linger.hpp"
#include "server/memory_ceiling.hpp"
#include "server/request_count.hpp"
#include "server/serve_exchange.hpp"
#include "server/tls_certificates.hpp"
#include "server/tunnel_watch.hpp"
#include "wire/parser_pool.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace onehop::server {

// What all shards of a server share.
struct Common {
  // Standard error, for a server without Options::log. First: whatever follows may log.
  mutable LineWriter default_log{STDERR_FILENO};
  Server::Options options;
  std::vector<std::string> local_names;  // one for each listener
  std::vector<bool> with_tls;            // the same; those not in it are in clear
  std::vector<std::shared_ptr<net::TcpListener>> listeners;
  std::shared_ptr<TlsCertificates> tls;  // null without TLS
  std::size_t max_connections = 0;
  std::optional<ClientLimit> client_limit;
  TrustedPeers trusted;
  MemoryCeiling memory;
  std::atomic<std::size_t> connections = 0;
  // Of what clients can cause.
  LineLimit shortage_lines;
  LineLimit handshake_lines;
  LineLimit plain_http_lines;
  LineLimit upgrade_lines;

  bool is_with_tls(std::size_t listener) const {
    return listener < with_tls.size() && with_tls[listener];
  }
  // Sets tls as the options say.
  Result<void> prepare_tls();
  // Sets trusted as the options say; throws std::invalid_argument for what is not a network.
  void prepare_trust() { trusted = TrustedPeers(options.trust); }
  // Sets what limits all threads together, as the options say.
  void set_limits();
  void log(LogLevel level, std::string_view text) const;
  // As a warning if `limit` admits it, and else as information.
  void log_limited(LineLimit& limit, io::Time now, std::string text) const;
};

class AcceptLoop;
class HttpConnection;

class ShardServer {
 public:
  ShardServer(io::Reactor& reactor,
              std::shared_ptr<Common> common,
              std::shared_ptr<const Handler> handler);
  ShardServer(const ShardServer&) = delete;
  ShardServer& operator=(const ShardServer&) = delete;
  ~ShardServer();

  // Begins to accept from every listener.
  void listen();
  // Takes a connection on: through the handshake first where the listener is `with_tls`.
  void adopt(std::unique_ptr<net::Stream> stream, const Origin& origin, bool with_tls);
  // Begins to speak HTTP on a stream: what ALPN has chosen where there is TLS; else HTTP/1.1,
  // unless it begins with the preface of HTTP/2.
  void start_connection(std::unique_ptr<net::Stream> stream, const Origin& origin);

  // The preface of HTTP/2 came: the rest of `before`'s life is another object's, which begins with
  // the octets that were received already.
  void continue_as_http2(HttpConnection& before, std::string_view early);

  // Stops accepting; `done` is called when no connection is left, at the latest at `deadline`.
  // Called again, an earlier deadline counts.
  void drain(net::Time deadline, std::function<void()> done);
  bool is_draining() const noexcept { return drain_state_.is_on(); }
  const DrainState& drain_state() const noexcept { return drain_state_; }
  bool was_cut() const noexcept { return was_cut_; }

  io::Reactor& reactor() const noexcept { return reactor_; }
  const Server::Options& options() const noexcept { return common_->options; }
  const Handler& handler() const noexcept { return *handler_; }
  const h1::Limits& limits() const noexcept { return limits_; }
  std::size_t head_limit() const noexcept { return head_limit_; }
  wire::ParserPool& parsers() noexcept { return parsers_; }
  // The Date field's value of this second.
  std::string_view date();
  void exchange_ended(const Exchange& exchange) noexcept;
  // The answer to a request that is not served now; noted in its record.
  Response turn_away(const Request& request, Exchange& record, Errc why);
  void connection_ended(ClientConnection& connection) noexcept;
  void tunnel_began(TunnelWatch& tunnel);
  // No connection more may be accepted.
  bool is_full() const {
    return common_->connections.load(std::memory_order_relaxed) >= common_->max_connections ||
           is_overloaded();
  }
  // Nor may a request be begun.
  bool is_overloaded() const { return common_->memory.is_reached(reactor_.now()); }
  // Sets X-Request-ID, if that is wanted, for a request that came over this connection.
  void give_request_id(Headers& headers, const ConnectionInfo& connection) const {
    if (options().request_ids) server::give_request_id(headers, connection.peer_is_trusted);
  }
  RequestCount& requests() noexcept { return requests_; }
  Common& common() noexcept { return *common_; }
  TlsCertificates* tls() const noexcept { return common_->tls.get(); }
  const h2::SessionLimits& h2_limits() const noexcept { return h2_limits_; }

 private:
  static void on_deadline(void* self);
  static void on_memory_note(void* self);
  static void on_tunnel_timer(void* self);
  void end_silent_tunnels();
  void note_end(const Exchange& exchange);
  void note_dropped_upgrade(const Exchange& exchange) noexcept;
  void begin(std::unique_ptr<ClientConnection> connection);
  void cut();
  void check_drained();

  io::Reactor& reactor_;
  std::shared_ptr<Common> common_;
  std::shared_ptr<const Handler> handler_;
  h1::Limits limits_;
  h2::SessionLimits h2_limits_;
  std::size_t head_limit_;
  RequestCount requests_;
  wire::ParserPool parsers_;
  std::vector<std::unique_ptr<AcceptLoop>> accept_loops_;
  IntrusiveList<ClientConnection> connections_;
  std::function<void()> drained_;
  IntrusiveList<TunnelWatch> tunnels_;
  io::Timer deadline_;
  io::Timer tunnel_timer_;  // runs only while draining
  io::Wakeup memory_note_;
  ImfDate date_{0};
  std::int64_t date_second_ = 0;
  DrainState drain_state_;
  bool was_cut_ = false;
};

}  // namespace onehop::server
