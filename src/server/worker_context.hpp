// SPDX-License-Identifier: Apache-2.0
//
// WorkerContext: what a connection may see of its worker: the event loop, the configuration, what
// the worker's connections share, and whether something new may begin. It knows no kind of
// connection. Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>

#include "http/date.hpp"
#include "io/reactor.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/linger.hpp"
#include "server/request_count.hpp"
#include "server/server_shared.hpp"
#include "server/tunnel_watch.hpp"
#include "server/worker_counters.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::server {

class ClientConnection;
class HttpConnection;
struct AcceptedFrom;

class WorkerContext {
 public:
  // The worker, as its connections see it.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;

    // Takes a connection on: through the handshake first if it has `tls`.
    virtual void adopt(std::unique_ptr<net::Stream> stream,
                       const AcceptedFrom& from,
                       std::optional<TlsTerms> tls) = 0;
    // Takes on a connection whose peer has to name the client first (Options::proxy_protocol);
    // then as above.
    virtual void adopt_proxied(std::unique_ptr<net::Stream> stream,
                               const AcceptedFrom& from,
                               std::optional<TlsTerms> tls) = 0;
    // Begins to speak HTTP on a stream: what ALPN has chosen if there is TLS; else HTTP/1.1, unless
    // it begins with the preface of HTTP/2.
    virtual void start_connection(std::unique_ptr<net::Stream> stream,
                                  const AcceptedFrom& from) = 0;
    // The preface of HTTP/2 came: the rest of `before`'s life is another object's, which begins
    // with the bytes that were received already.
    virtual void continue_as_http2(HttpConnection& before, std::string_view early) = 0;
    // Destroys it.
    virtual void connection_ended(ClientConnection& connection) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  WorkerContext(io::Reactor& reactor,
                std::shared_ptr<ServerShared> shared,
                std::shared_ptr<const Handler> handler,
                Owner& owner);
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;

  io::Reactor& reactor() const noexcept { return reactor_; }
  ServerShared& shared() noexcept { return *shared_; }
  // The current configuration, for connections and requests that begin now. A request keeps a
  // reference.
  const ConfigurationRef& configuration() const noexcept { return configuration_; }
  // Requests that begin from now on are served by `next`.
  void configure(std::unique_ptr<Configuration> next) noexcept {
    configuration_ = ConfigurationRef(std::move(next));
  }
  // For new connections; null without TLS.
  TlsCertificates* tls() const noexcept { return tls_.get(); }
  void set_tls(std::shared_ptr<TlsCertificates> tls) noexcept { tls_ = std::move(tls); }
  Owner& owner() noexcept { return owner_; }

  RequestCount& requests() noexcept { return requests_; }
  const RequestCount& requests() const noexcept { return requests_; }
  WorkerCounters& counters() noexcept { return counters_; }
  const WorkerCounters& counters() const noexcept { return counters_; }
  Tunnels& tunnels() noexcept { return tunnels_; }
  const Tunnels& tunnels() const noexcept { return tunnels_; }
  // The Date field's value of this second.
  std::string_view date();

  bool is_draining() const noexcept { return drain_.is_on(); }
  DrainState& drain_state() noexcept { return drain_; }
  // Connections were ended before they were done.
  bool was_cut() const noexcept { return counters_.connections_cut.value() > 0; }
  void count_cut() noexcept { counters_.connections_cut.add(1); }

  // Its questions take the reactor's time.
  Admission& admission() noexcept { return shared_->admission; }
  // A connection of this client is closed, since it has as many as it may.
  void refuse_client(const net::Address& client);
  // Reports the record as `options`, those of its request, want it.
  void exchange_ended(const ExchangeRecord& exchange, const Server::Options& options) noexcept;
  // Reports that it has become a tunnel, the same way.
  void tunnel_began(const ExchangeRecord& exchange, const Server::Options& options) noexcept;
  // ServerShared::log_limited(); what it leaves out is counted in a line 10 s later.
  void log_limited(LineLimit& limit, std::string text);
  // A line was left out: how many were is logged 10 s later.
  void on_line_left_out() noexcept;
  // ServerShared::log_untold(), again later if there are more.
  void log_untold(std::optional<net::Time> now) noexcept;

 private:
  void on_untold_timer();
  void report_end(const ExchangeRecord& exchange, const Server::Options& options);
  // Calls one of the hooks in the options.
  void call(const std::function<void(const ExchangeRecord&)>& hook,
            const char* name,
            const ExchangeRecord& exchange);
  void log_dropped_upgrade(const ExchangeRecord& exchange) noexcept;

  io::Reactor& reactor_;
  std::shared_ptr<ServerShared> shared_;
  ConfigurationRef configuration_;
  std::shared_ptr<TlsCertificates> tls_;
  Owner& owner_;
  RequestCount requests_;
  WorkerCounters counters_;
  DrainState drain_;
  Tunnels tunnels_;
  io::Timer untold_timer_;  // runs while lines were left out
  ImfDate date_{0};
  std::int64_t date_second_ = 0;
};

}  // namespace onehop::server
