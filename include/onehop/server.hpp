// SPDX-License-Identifier: Apache-2.0
//
// Server: accepts connections and calls a Handler with each request. One thread per core; a
// connection stays on the thread that accepted it. run() blocks; start() and stop() are for a
// larger program, and may be called from any thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/exchange.hpp>
#include <onehop/handler.hpp>
#include <onehop/tls.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onehop {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

// What becomes of a request of HTTP/1 whose client closes its sending side before the response is
// complete. Most who do so have left and closed both; a few, such as `nc -N`, still want to read,
// and nothing tells which it is before something is sent.
enum class HalfClose : std::uint8_t {
  cancel,  // it is cancelled, and what it waits for
  serve,   // it goes on until writing fails
};

class Server {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kOff = Duration::max();
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
  static constexpr std::size_t kMostWorkers = 1024;

  // One address, or several: "127.0.0.1:8080", ":8080" (every address), "[::1]:0" (a free port),
  // "unix:/run/app.sock". "https://" or "http://" in front says whether it is with TLS; without
  // either it is when Options::tls is given. Unix sockets are in clear.
  class Addresses {
   public:
    Addresses(const char* address) : list_{address} {}                              // NOLINT
    Addresses(std::string address) { list_.push_back(std::move(address)); }         // NOLINT
    Addresses(std::vector<std::string> addresses) : list_(std::move(addresses)) {}  // NOLINT
    Addresses(std::initializer_list<std::string> addresses) : list_(addresses) {}
    const std::vector<std::string>& list() const noexcept { return list_; }

   private:
    std::vector<std::string> list_;
  };

  struct Options {
    Addresses listen = ":8080";
    // Threads, at most kMostWorkers. 0: one for each CPU that the process may use, and no more
    // than the CPU quota of its control group has room for.
    std::size_t workers = 0;
    // Certificates for the https:// addresses.
    std::optional<TlsServerOptions> tls = {};
    // From the first byte of a request to the end of its head. Past it: 408.
    Duration header_timeout = std::chrono::seconds(15);
    // Without a byte of a request body that is being read; if exceeded, reading fails, which a
    // proxy answers with 408. Not while a response is on its way, nor for gRPC and tunnels: what
    // streams both ways may pause.
    Duration body_timeout = std::chrono::seconds(60);
    // Without progress in writing to the client. Past it the connection is reset; of HTTP/2, the
    // stream.
    Duration write_timeout = std::chrono::seconds(60);
    HalfClose half_close = HalfClose::cancel;
    // Between two requests of a connection. Past it the connection is closed.
    Duration idle_timeout = std::chrono::seconds(75);
    // The request line (414), the whole head counted as name + value + 32 for a field (431), and
    // the number of fields (431).
    std::size_t max_request_line = 16 * 1024;
    std::size_t max_header_bytes = 64 * 1024;
    std::size_t max_header_fields = 256;
    // HTTP/2: by ALPN over TLS, by prior knowledge without. Off: HTTP/1.1 and 1.0 only.
    bool http2 = true;
    // HTTP/2: requests of one connection at the same time; past it they are refused unprocessed.
    std::size_t max_streams = 128;
    // HTTP/2: how many bytes of a request a client may send before they are read (1 KiB at least;
    // a reader that keeps up gets more), and how many may be on their way to a connection (65,535
    // at least). What has arrived does not count for the connection.
    std::size_t stream_window = 256 * 1024;
    std::size_t connection_window = 1024 * 1024;
    // Content of one request (413).
    std::uint64_t max_body = kUnlimited;
    // Open client connections, over all workers; accepting pauses at the limit. 0: 80 % of the
    // process's limit of open files.
    std::size_t max_client_connections = 0;
    // Proxies in front of this server, such as a load balancer: they are believed when they say in
    // X-Forwarded-For whom a request comes from (ConnectionInfo::client, Exchange::client), and
    // their X-Request-ID is kept.
    // "10.0.0.0/8", "::1", "unix".
    std::vector<std::string> trust = {};
    // Open connections of one client, which is an IPv4 address or the /64 of an IPv6 one; what is
    // more is closed at once. 0: no limit. Those of `trust` and of unix sockets are not counted.
    std::size_t max_connections_per_client = 0;
    // Requests of one client (ConnectionInfo::client) in progress at once, over all its
    // connections; past it 429. 0: no limit.
    std::size_t max_requests_per_client = 0;
    // What the process may hold for clients and upstreams, with what those in progress may still
    // claim: messages, buffers, connections, over all threads. Past it accepting pauses, new
    // requests get 503 (over HTTP/2 they are refused unprocessed) and no window grows; what is in
    // progress goes on, except that a response head of more than 16 KiB becomes a 503. 0: half of
    // the memory that the process may use. kUnlimited: no limit.
    std::uint64_t max_memory = 0;
    // Gives each request an X-Request-ID of 128 random bits, as 32 hexadecimal digits, before the
    // handler sees it: in place of what the client has sent, unless that is in `trust`. It is in
    // the Exchange and in error responses, and ReverseProxy passes it on.
    bool request_ids = false;
    // Accept a connection only once its first bytes are here (Linux TCP_DEFER_ACCEPT).
    bool defer_accept = true;
    // Called by start() once the listeners are open and the TLS files have been read, before
    // anything is served: the place to give up privileges. An error is what start() then returns.
    // It must not call stop(), which would wait for start().
    std::function<Result<void>()> on_listening = {};
    // Called at the end of every exchange, on its thread. The record is gone when it returns.
    // Without it, failures that are not the client's are lines of the log.
    std::function<void(const Exchange&)> on_exchange_end = {};
    // Called from any worker. Default: warnings and errors go to standard error, from a thread of
    // its own, as lines of the form "2026-11-28T17:03:33.123Z warning TEXT".
    std::function<void(LogLevel, std::string_view)> log = {};
  };

  Server();
  explicit Server(Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stops at once

  // Serves until stop() is called from elsewhere. Returns 0, or 1 if the server could not start or
  // a worker has failed; the log says why. See wait().
  int run(std::shared_ptr<const Handler> handler);
  template <std::derived_from<Handler> H>
  int run(H handler) {
    return run(
        std::static_pointer_cast<const Handler>(std::make_shared<const H>(std::move(handler))));
  }
  // One handler for each worker, made on it: it may keep plain counters and caches.
  int run_per_core(std::function<std::shared_ptr<const Handler>()> factory);

  // Binds and begins to serve; returns when the listeners are open. Once for a Server, also by
  // run(). The error's detail is one line that says what to do; Errc::bad_option for a null
  // handler.
  Result<void> start(std::shared_ptr<const Handler> handler);
  template <std::derived_from<Handler> H>
  Result<void> start(H handler) {
    return start(
        std::static_pointer_cast<const Handler>(std::make_shared<const H>(std::move(handler))));
  }
  Result<void> start_per_core(std::function<std::shared_ptr<const Handler>()> factory);
  // Blocks until every worker has ended: after stop(), or because an exception has left the event
  // loop of each. (The log says so of each; the others go on.) Returns false if a worker has failed
  // in this way. Any thread but the workers'.
  bool wait();
  // Stops accepting, lets what is in flight finish for at most `deadline`, then closes the rest.
  // Tunnels are closed once they have been silent for five seconds. Returns when every thread has
  // ended. A second call from another thread with a shorter deadline takes effect at once. True
  // when nothing had to be cut. In a handler, or another function that a worker calls, it only
  // begins the stop and returns false at once; the destructor does not wait there either.
  bool stop(Duration deadline = std::chrono::seconds(30));

  // Where it listens, with real port numbers; empty before start.
  std::vector<std::string> addresses() const;
  // Reads the certificates and keys again, for connections from now on. Errc::bad_option when they
  // cannot be used: the detail says why, and the old ones stay. Any thread.
  Result<void> reload_tls();
  // The certificates in use; empty without TLS, and before start.
  std::vector<TlsCertificateInfo> certificates() const;
  // Open client connections now.
  std::size_t connections() const;
  // Requests in progress now, tunnels included.
  std::size_t requests() const;
  // What max_memory counts as held, now, without what may still be claimed: of every Server and
  // Transport of the process, give or take 64 KiB for each thread. Any time, any thread.
  std::size_t memory_in_use() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop
