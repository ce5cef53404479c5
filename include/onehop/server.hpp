// SPDX-License-Identifier: Apache-2.0
//
// Server accepts connections and calls a Handler for each request. It runs one worker thread per
// CPU; a connection stays on the worker that accepted it. run() blocks; start() and stop() are for
// servers inside a larger program. Unless stated otherwise, the functions of Server may be called
// from any thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/exchange_record.hpp>
#include <onehop/handler.hpp>
#include <onehop/limit.hpp>
#include <onehop/metrics.hpp>
#include <onehop/tls.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onehop {

// LogLevel is the severity of a log line.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

// HalfClose decides what happens to an HTTP/1 request whose client closes its sending side before
// the response is complete. Most such clients have left; a few, such as `nc -N`, still want to
// read. The server cannot distinguish them until it writes.
enum class HalfClose : std::uint8_t {
  cancel,  // cancels the request and everything it waits for
  serve,   // continues until a write fails
};

class Server {
 public:
  // The unit of timeouts. Other durations of std::chrono convert to it.
  using Duration = std::chrono::nanoseconds;
  // The maximum number of worker threads.
  static constexpr std::size_t kMaxWorkers = 1024;

  // One address, or several: "127.0.0.1:8080", ":8080" (every address), "[::1]:0" (a free port),
  // "unix:/run/app.sock". A prefix "https://" or "http://" turns TLS on or off; without one, TLS is
  // on if Options::tls is set. Unix sockets never use TLS.
  class Addresses {
   public:
    Addresses(const char* address) : list_{address} {}                              // NOLINT
    Addresses(std::string address) { list_.push_back(std::move(address)); }         // NOLINT
    Addresses(std::vector<std::string> addresses) : list_(std::move(addresses)) {}  // NOLINT
    Addresses(std::initializer_list<std::string> addresses) : list_(addresses) {}
    // The addresses as they were given, in order.
    const std::vector<std::string>& list() const noexcept { return list_; }

   private:
    std::vector<std::string> list_;
  };

  // A listening socket (TCP or unix) that the caller owns. The server makes it non-blocking, and
  // uses a duplicate from start() or update() on. It never closes the descriptor. It removes the
  // file of a unix socket only if the socket was handed over (see take_socket_files()).
  struct OpenSocket {
    int descriptor = -1;    // the listening socket
    std::string name = {};  // the NAME in an entry "fd:NAME" of Options::listen
    // The address for which it was opened, such as "127.0.0.1:0"; "" if unknown.
    std::string requested = {};
    // True if the socket comes from a process that also listens with it and is about to end (see
    // open_sockets()). Such a socket is ignored if no entry of `listen` uses it, and the server
    // owns the file of a unix socket after take_socket_files().
    bool handed_over = false;
  };

  // Members of type Limit accept no_limit.
  struct Options {
    // Where to accept connections.
    Addresses listen = ":8080";
    // Worker threads, at most kMaxWorkers. 0: one for each CPU that the process may use, limited
    // by the CPU quota of its control group.
    std::size_t workers = 0;
    // Certificates for the https:// addresses.
    std::optional<TlsServerOptions> tls = {};
    // The time from the first byte of a request to the end of its head. If exceeded, 408. Also the
    // time from accepting a connection to the end of its PROXY header (proxy_protocol).
    Limit<Duration> header_timeout = std::chrono::seconds(15);
    // The longest time without a byte while a request body is being read. If exceeded, the read
    // fails, and a proxy responds with 408. It does not apply to gRPC and tunnels, nor while the
    // response is in progress. After the response, it also limits how long a body may be held
    // without being read.
    Limit<Duration> body_timeout = std::chrono::seconds(60);
    // The longest time without progress in writing to the client. If exceeded, the connection, or
    // over HTTP/2 the stream, is reset.
    Limit<Duration> write_timeout = std::chrono::seconds(60);
    HalfClose half_close = HalfClose::cancel;
    // The time between two requests on a connection. If exceeded, the connection is closed.
    Limit<Duration> idle_timeout = std::chrono::seconds(75);
    // The maximum size of the request line in bytes (414), of the header fields, each counted as
    // name + value + 32 bytes (431), and the maximum number of fields (431).
    std::size_t max_request_line = 16 * 1024;
    std::size_t max_header_bytes = 64 * 1024;
    std::size_t max_header_fields = 256;
    // Serves HTTP/2, by ALPN over TLS and by prior knowledge without. If false, HTTP/1 only.
    bool http2 = true;
    // HTTP/2: the maximum number of concurrent requests on one connection. Further ones are refused
    // without being processed.
    std::size_t max_streams = 128;
    // HTTP/2: the maximum number of unread bytes of one request (at least 1 KiB; the window grows
    // for a reader that keeps up), and the maximum number of bytes in flight on one connection (at
    // least 65,535). Bytes that have arrived do not count against the connection.
    std::size_t stream_window = 256 * 1024;
    std::size_t connection_window = 1024 * 1024;
    // The maximum size of a request body in bytes (413).
    Limit<std::uint64_t> max_body = no_limit;
    // The maximum number of open client connections, over all workers. Accepting pauses at the
    // limit. 0: 80 % of the process's limit on open files.
    std::size_t max_client_connections = 0;
    // The proxies in front of this server, such as a load balancer: "10.0.0.0/8", "::1", "unix".
    // The server believes their X-Forwarded-For (see ConnectionInfo::client and
    // ExchangeRecord::client) and keeps their X-Request-ID.
    std::vector<std::string> trust = {};
    // The load balancers that name their clients with the PROXY protocol, version 1 or 2: networks
    // as in `trust`. Each of their connections must begin with a PROXY header, within
    // header_timeout of being accepted, followed by TLS or HTTP; otherwise it is closed. The client
    // in the header becomes the peer of the connection (ConnectionInfo::peer), also for `trust` and
    // the limits per client; the balancer's own address is not kept. A header without a client
    // (LOCAL, UNKNOWN) leaves the peer unchanged. From other peers, a PROXY header is a malformed
    // request.
    std::vector<std::string> proxy_protocol = {};
    // The entries of `listen` to which proxy_protocol applies; empty: all.
    std::vector<std::string> proxy_protocol_listeners = {};
    // The maximum number of open connections of one client (an IPv4 address, or the /64 of an IPv6
    // address); at least 1. Further connections are closed immediately. Peers in `trust` and unix
    // sockets are not counted.
    Limit<std::size_t> max_connections_per_client = no_limit;
    // The maximum number of concurrent requests of one client (ConnectionInfo::client), over all
    // its connections; at least 1. Further ones get 429.
    Limit<std::size_t> max_requests_per_client = no_limit;
    // The maximum number of bytes that the process may hold for clients and upstreams (messages,
    // buffers, connections), including what requests in progress may still need, over all threads.
    // At the limit, accepting pauses, new requests get 503 (over HTTP/2 they are refused without
    // being processed), and windows do not grow. Requests in progress continue, but a response head
    // of more than 16 KiB becomes a 503. 0: half of the memory that the process may use.
    Limit<std::uint64_t> max_memory = 0;
    // Sets X-Request-ID to 128 random bits, as 32 hexadecimal digits, before the handler sees the
    // request. It replaces the field that the client sent, unless the peer is in `trust`. The id is
    // in the ExchangeRecord and in error responses, and ReverseProxy passes it on.
    bool request_ids = false;
    // If set, the server takes part in distributed traces (W3C Trace Context): each exchange has a
    // Trace in its ExchangeRecord, with a span for each attempt of a Transport, and traceparent
    // names that span. The server continues the trace of a peer in `trust`. For other peers, and if
    // traceparent is missing or malformed, it begins a new trace without tracestate, which is
    // sampled with this probability, 0 to 1. If not set, both fields are passed on unchanged.
    std::optional<double> trace_sample = {};
    // Accepts a connection only once its first bytes have arrived (Linux TCP_DEFER_ACCEPT).
    bool defer_accept = true;
    // SIGTERM and SIGINT stop the server, as stop(stop_timeout) does; a second signal stops it at
    // once, and a third one has the effect that it has without this option. start() and run()
    // replace the signal handlers of the process; they are restored when run(), wait() or stop()
    // returns.
    bool stop_on_signals = false;
    Limit<Duration> stop_timeout = std::chrono::seconds(30);
    // Listening sockets that are already open, such as those that a service manager passes on. An
    // entry of `listen` uses a socket if it is the address of the socket or the address for which
    // the socket was opened. An entry "fd:NAME" uses all sockets with that name ("https://fd:NAME"
    // with TLS). A socket that no entry uses is an error, since its clients would wait for ever.
    std::vector<OpenSocket> open_sockets = {};
    // The result of ticket_keys() of another server, so that TLS sessions that began there can be
    // resumed here. It is ignored if it is malformed, or if TlsServerOptions::ticket_key_file is
    // set. Only start() reads it.
    std::string ticket_keys = {};
    // If true, start() begins to accept connections. If false, accept() does: until then,
    // connections wait in the queue, and the sockets in open_sockets are unchanged. Set it to false
    // in a process that may still fail before it serves.
    bool accept_at_once = true;
    // Called by start() after the listeners are open and the TLS files have been read, and before
    // anything is served: the place to drop privileges. start() returns its error. It must not call
    // stop(), which would wait for start().
    std::function<Result<void>()> on_listening = {};
    // Called at the end of every exchange, on its worker. The record is invalid after it returns.
    // If it is not set, failures that are not the client's fault are logged.
    std::function<void(const ExchangeRecord&)> on_exchange_end = {};
    // Called on the worker of an exchange when its connection, or its HTTP/2 stream, has become a
    // tunnel. on_exchange_end follows when the tunnel ends.
    std::function<void(const ExchangeRecord&)> on_tunnel = {};
    // Called on any worker. Default: warnings and errors are written to standard error by a
    // separate thread, as lines of the form "2026-11-28T17:03:33.123Z warning TEXT".
    std::function<void(LogLevel, std::string_view)> log = {};
  };

  // See run_per_worker().
  using HandlerFactory = std::function<std::shared_ptr<const Handler>()>;

  Server();
  // Does not check the options: start() and run() report those that cannot be used.
  explicit Server(Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stops at once

  // Serves until stop() is called from elsewhere. Returns 0, or 1 if the server could not start or
  // a worker has failed (see wait()); the log has the reason. `handler` is anything that
  // make_handler() accepts: a function or a coroutine, a Handler, or a shared_ptr to one.
  int run(std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  int run(Source handler) {
    return run(make_handler(std::move(handler)));
  }
  // Like run(), but calls `factory` on each worker to make a separate handler, which may keep
  // counters and caches without synchronization.
  int run_per_worker(HandlerFactory factory);

  // Opens the listeners, begins to serve, and returns. A Server may be started only once, by
  // start() or run(). The detail of an error is one line that says what to do. Returns
  // Errc::bad_option if the handler is null.
  Result<void> start(std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  Result<void> start(Source handler) {
    return start(make_handler(std::move(handler)));
  }
  // Like start() and run_per_worker().
  Result<void> start_per_worker(HandlerFactory factory);
  // Blocks until every worker has ended, after stop() or because an exception left its event loop.
  // Such an exception is logged and ends that worker only. Returns false if a worker failed in this
  // way. On a worker, and in a function that a worker has offloaded, it returns false at once.
  bool wait();
  // Stops accepting, lets exchanges in progress finish for at most `deadline`, and then closes the
  // rest. Tunnels are closed once they have been silent for five seconds. Returns when every worker
  // has ended, and reports whether everything finished in time. A second call with a shorter
  // deadline takes effect immediately. On a worker of this server (in a handler, for example), and
  // in a function that such a worker has offloaded, stop() only begins the stop and returns false;
  // the destructor does not wait there either.
  bool stop(Limit<Duration> deadline = std::chrono::seconds(30));

  // Replaces the options and the handler while the server serves, and returns when every worker has
  // switched. If it returns an error, nothing has changed. It closes no connections except idle
  // ones of removed listeners.
  //
  // `handler` serves the requests that begin afterwards. Requests in progress, including tunnels,
  // keep the handler and the options with which they began; these are destroyed with the last such
  // request, on its worker. Timeouts outside of requests apply from the next wait on. Limits of
  // heads, windows and TLS apply to new connections; max_streams is sent to open HTTP/2 connections
  // at once. The limits on connections, on memory and per client apply at once: connections and
  // requests beyond a lower limit continue, and those that began while clients were not limited are
  // not counted.
  //
  // Addresses in `listen` that the server already has keep their socket and its queue, even if TLS
  // or defer_accept changes, and ":0" keeps its port. New addresses are opened before anything else
  // changes. Addresses that are missing are closed once the clients in their queue have been
  // accepted, which takes longer if max_client_connections or max_memory makes them wait; their
  // connections end once they are idle. on_listening is not called.
  //
  // TLS files are read again. Sessions can still be resumed, unless the options for client
  // certificates change. A self-signed certificate is kept if the TLS options and http2 do not
  // change.
  //
  // Returns Errc::bad_option if start() would refuse a value, if a member that cannot change is
  // different (`workers`, `stop_on_signals`; the detail begins with its name), if the handler is
  // null, or if the server does not serve yet or is being stopped. Other errors are those of the
  // system for a new listener. Concurrent updates wait for each other. It must not be called on a
  // worker, where it returns an error, nor in Options::log; a function that a worker offloads may
  // call it.
  Result<void> update(Options options, std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  Result<void> update(Options options, Source handler) {
    return update(std::move(options), make_handler(std::move(handler)));
  }
  // Like update() and run_per_worker(): if the factory throws or returns null on any worker,
  // nothing changes. Either kind of update may follow either kind of start.
  Result<void> update_per_worker(Options options, HandlerFactory factory);

  // Begins to accept connections, after a start() with Options::accept_at_once = false. Further
  // calls do nothing.
  void accept();
  // Returns the addresses on which the server listens, with actual port numbers; empty before
  // start().
  std::vector<std::string> addresses() const;
  // Returns the listening sockets, for Options::open_sockets of another process. The program passes
  // them on as ancillary data (SCM_RIGHTS). Both processes then share the queues, so no connection
  // is lost when this server stops. The descriptors are valid until it stops. Empty before start().
  std::vector<OpenSocket> open_sockets() const;
  // Keeps the files of unix sockets when the server stops, because another process listens with the
  // same sockets.
  void leave_socket_files();
  // Makes the server remove the files of handed-over unix sockets when it stops, because the
  // process that they come from does not: it has called leave_socket_files(), or is about to. A
  // server that fails before this call leaves them to that process. The server must have started.
  void take_socket_files();
  // Lowers Options::max_memory to `bytes`, at least 1, until the next update(), to make room for
  // the process that replaces this one. Requests in progress continue. The server must have
  // started.
  void lower_max_memory(std::uint64_t bytes);
  // Returns the keys of session tickets, for Options::ticket_keys of another process. They are
  // secret and must not be written to files or logs. "" without TLS, and if the keys come from a
  // file.
  std::string ticket_keys() const;
  // Reads the certificates and keys again and uses them for new connections. If they cannot be
  // used, it returns Errc::bad_option with the reason, and the old ones stay in use.
  Result<void> reload_tls();
  // Returns the certificates in use; empty without TLS and before start().
  std::vector<TlsCertificateInfo> certificates() const;
  // Returns the counters and gauges of this server. Counters keep their values after stop().
  ServerMetrics metrics() const;
  // Returns the oldest requests in progress, at most `max`, and the oldest tunnels, at most `max`.
  // Workers that do not respond within `timeout` are counted in silent_workers. It must not be
  // called on a worker.
  RequestsInFlight requests_in_flight(std::size_t max,
                                      Duration timeout = std::chrono::seconds(1)) const;
  // Pinged is the result of ping().
  struct Pinged {
    std::size_t workers = 0;   // that were started
    std::size_t answered = 0;  // that answered in time
    std::size_t failed = 0;    // that failed, and so did not answer
  };
  // Counts the workers, and those that answer within `timeout`: a health check that fails if an
  // event loop is blocked. It must not be called on a worker. A failed worker (see wait()) is
  // replaced only by a restart of the process.
  Pinged ping(Duration timeout) const;
  // The number of open client connections.
  std::size_t connections() const;
  // The number of requests in progress, including tunnels.
  std::size_t requests() const;
  // The number of bytes that count against max_memory now, without those that requests in progress
  // may still need. It covers every Server and Transport of the process, to within 64 KiB per
  // thread.
  std::size_t memory_in_use() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop
