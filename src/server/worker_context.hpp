// SPDX-License-Identifier: Apache-2.0
//
// WorkerContext is the part of a worker that its connections use: the event loop, the
// configuration, the state that connections share, and the admission of new work. It does not
// depend on any kind of connection.
// Thread: owner.
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

    // Takes on a connection. If it has `tls`, the handshake comes first.
    virtual void adopt(std::unique_ptr<net::Stream> stream,
                       const AcceptedFrom& from,
                       std::optional<TlsTerms> tls) = 0;
    // Takes on a connection whose peer must first name the client (Options::proxy_protocol), and
    // then continues as adopt() does.
    virtual void adopt_proxied(std::unique_ptr<net::Stream> stream,
                               const AcceptedFrom& from,
                               std::optional<TlsTerms> tls) = 0;
    // Starts HTTP on a stream: with TLS, the version that ALPN has chosen; otherwise HTTP/1.1, or
    // HTTP/2 if the stream begins with its preface.
    virtual void start_connection(std::unique_ptr<net::Stream> stream,
                                  const AcceptedFrom& from) = 0;
    // Called when the preface of HTTP/2 arrived. Another object takes over the stream of `before`,
    // and begins with the bytes that were received already.
    virtual void continue_as_http2(HttpConnection& before, std::string_view early) = 0;
    // Destroys the connection.
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
  // The configuration for connections and requests that begin now. A request keeps a reference.
  const ConfigurationRef& configuration() const noexcept { return configuration_; }
  // Makes `next` the configuration of requests that begin from now on.
  void configure(std::unique_ptr<Configuration> next) noexcept {
    configuration_ = ConfigurationRef(std::move(next));
  }
  // The certificates for new connections; null without TLS.
  TlsCertificates* tls() const noexcept { return tls_.get(); }
  void set_tls(std::shared_ptr<TlsCertificates> tls) noexcept { tls_ = std::move(tls); }
  Owner& owner() noexcept { return owner_; }

  RequestCount& requests() noexcept { return requests_; }
  const RequestCount& requests() const noexcept { return requests_; }
  WorkerCounters& counters() noexcept { return counters_; }
  const WorkerCounters& counters() const noexcept { return counters_; }
  Tunnels& tunnels() noexcept { return tunnels_; }
  const Tunnels& tunnels() const noexcept { return tunnels_; }
  // Returns the value of the Date field for the current second.
  std::string_view date();

  bool is_draining() const noexcept { return drain_.is_on(); }
  DrainState& drain_state() noexcept { return drain_; }
  // Reports whether connections were ended before they were done.
  bool was_cut() const noexcept { return counters_.connections_cut.value() > 0; }
  void count_cut() noexcept { counters_.connections_cut.add(1); }

  // Its functions take the reactor's time.
  Admission& admission() noexcept { return shared_->admission; }
  // Counts and logs a connection that is closed because `client` has its maximum of connections.
  void refuse_client(const net::Address& client);
  // Reports the record in the way that `options`, those of its request, ask for.
  void exchange_ended(const ExchangeRecord& exchange, const Server::Options& options) noexcept;
  // Reports that the exchange has become a tunnel, in the same way.
  void tunnel_began(const ExchangeRecord& exchange, const Server::Options& options) noexcept;
  // Calls ServerShared::log_limited(). A line 10 s later counts the lines that it left out.
  void log_limited(LineLimit& limit, std::string text);
  // Called when a line was left out. A line 10 s later counts the lines left out.
  void on_line_left_out() noexcept;
  // Calls ServerShared::log_suppressed(), and calls it again 10 s later if more are left to report.
  void log_suppressed(std::optional<net::Time> now) noexcept;

 private:
  void on_suppressed_timer();
  void report_end(const ExchangeRecord& exchange, const Server::Options& options);
  // Calls one of the hooks in the options, and logs its exception.
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
  io::Timer suppressed_timer_;  // runs while lines were left out
  ImfDate date_{0};
  std::int64_t date_second_ = 0;
};

}  // namespace onehop::server
