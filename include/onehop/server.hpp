// SPDX-License-Identifier: Apache-2.0
//
// Server accepts connections and calls a Handler for each request. It runs one worker thread per
// CPU; a connection stays on the worker that accepted it. run() blocks; start() and stop() are for
// a larger program. Unless stated otherwise, its functions may be called from any thread.
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

// How serious a line of the log is.
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

  // A listening socket (TCP or unix) that the caller owns. The server makes it non-blocking, uses a
  // duplicate from start() or update() on, and never closes the descriptor or, unless it was handed
  // over (see take_socket_files()), removes the file of a unix socket.
  struct OpenSocket {
    int descriptor = -1;    // of the socket, which listens
    std::string name = {};  // by which an entry "fd:NAME" of Options::listen refers to it
    // The address that was asked for when it was opened, such as "127.0.0.1:0"; "" if unknown.
    std::string requested = {};
    // From a process that listens with it, too, and is about to end (see open_sockets()): it is
    // left alone if no entry of `listen` uses it, and the file of a unix socket is the server's
    // after take_socket_files().
    bool handed_over = false;
  };

  // A member of type Limit takes no_limit.
  struct Options {
    // Where to accept connections.
    Addresses listen = ":8080";
    // Worker threads, at most kMaxWorkers. 0: one for each CPU that the process may use, limited
    // by the CPU quota of its control group.
    std::size_t workers = 0;
    // Certificates for the https:// addresses.
    std::optional<TlsServerOptions> tls = {};
    // From the first byte of a request to the end of its head. If exceeded, 408. Also from
    // accepting a connection to the end of its PROXY header (proxy_protocol).
    Limit<Duration> header_timeout = std::chrono::seconds(15);
    // The longest time without a byte of a request body that is being read. If exceeded, the read
    // fails, and a proxy responds with 408. Not for gRPC and tunnels, and not from the beginning to
    // the end of the response, after which it also limits how long a body may be held without a
    // read.
    Limit<Duration> body_timeout = std::chrono::seconds(60);
    // The longest time without progress in writing to the client. If exceeded, the connection is
    // reset, or over HTTP/2 the stream.
    Limit<Duration> write_timeout = std::chrono::seconds(60);
    HalfClose half_close = HalfClose::cancel;
    // Between two requests on a connection. If exceeded, the connection is closed.
    Limit<Duration> idle_timeout = std::chrono::seconds(75);
    // Limits of the request line in bytes (414), of the header fields, each counted as name + value
    // + 32 bytes (431), and of their number (431).
    std::size_t max_request_line = 16 * 1024;
    std::size_t max_header_bytes = 64 * 1024;
    std::size_t max_header_fields = 256;
    // Serves HTTP/2, by ALPN over TLS and by prior knowledge without. If false, HTTP/1 only.
    bool http2 = true;
    // HTTP/2: the maximum number of concurrent requests on one connection. Further ones are refused
    // without being processed.
    std::size_t max_streams = 128;
    // HTTP/2: how many bytes of one request a client may send before they are read (at least 1 KiB;
    // the window grows for a reader that keeps up), and how many bytes may be in flight on one
    // connection (at least 65,535). Bytes that have arrived do not count against the connection.
    std::size_t stream_window = 256 * 1024;
    std::size_t connection_window = 1024 * 1024;
    // The maximum size of a request body in bytes (413).
    Limit<std::uint64_t> max_body = no_limit;
    // The maximum number of open client connections, over all workers. Accepting pauses at the
    // limit. 0: 80 % of the process's limit on open files.
    std::size_t max_client_connections = 0;
    // The proxies in front of this server, such as a load balancer: "10.0.0.0/8", "::1", "unix".
    // X-Forwarded-For is believed from them (see ConnectionInfo::client and
    // ExchangeRecord::client), and their X-Request-ID is kept.
    std::vector<std::string> trust = {};
    // The load balancers that name their clients with the PROXY protocol, version 1 or 2: networks
    // as in `trust`. Each of their connections has to begin with a header, within header_timeout
    // of being accepted, and then with TLS or HTTP; else it is closed. The client in the header is
    // the peer of the connection from then on (ConnectionInfo::peer), in `trust` and in the limits
    // per client, too; the balancer's own address is not kept. Headers without a client (LOCAL,
    // UNKNOWN) leave the peer as it is. Other peers send none: theirs would be a malformed request.
    std::vector<std::string> proxy_protocol = {};
    // The entries of `listen` for which that holds; empty: all.
    std::vector<std::string> proxy_protocol_listeners = {};
    // The maximum number of open connections of one client, which is an IPv4 address or the /64 of
    // an IPv6 address; at least 1. Further connections are closed immediately. Peers in `trust` and
    // unix sockets are not counted.
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
    // request. It replaces what the client sent, unless the peer is in `trust`. The id is in the
    // ExchangeRecord and in error responses, and ReverseProxy passes it on.
    bool request_ids = false;
    // Takes part in distributed traces (W3C Trace Context): each exchange has a Trace in its
    // ExchangeRecord, with a span for each attempt of a Transport, and traceparent names it. From a
    // peer in `trust` a trace is continued; from another one, or if its fields are malformed, it is
    // begun again, without tracestate, and is sampled with this probability, 0 to 1. Without a
    // value both fields are passed on unchanged.
    std::optional<double> trace_sample = {};
    // Accepts a connection only once its first bytes have arrived (Linux TCP_DEFER_ACCEPT).
    bool defer_accept = true;
    // TERM and INT stop the server, as stop(stop_timeout) does; a second one stops it at once, and
    // a third one does what it would do without this. The handlers of the process are replaced by
    // start() and run(), and are back when run(), wait() or stop() has returned.
    bool stop_on_signals = false;
    Limit<Duration> stop_timeout = std::chrono::seconds(30);
    // Listening sockets that are open already, such as those that a service manager passes on. An
    // address of `listen` that is the address of one uses it, and so does an entry "fd:NAME" with
    // its name ("https://fd:NAME" with TLS; several may share a name), or with the address that one
    // was opened for. One that no entry uses is an error, since its clients would wait for ever.
    std::vector<OpenSocket> open_sockets = {};
    // The text that ticket_keys() of another server returned: TLS sessions that began there are
    // resumed here. It is ignored if it is of another form, or if TlsServerOptions names a file of
    // keys. Only start() looks at it.
    std::string ticket_keys = {};
    // start() begins to accept connections. If false, accept() does: until then connections wait in
    // the queue, and the sockets of open_sockets are unchanged. For a process that may still fail
    // before it serves.
    bool accept_at_once = true;
    // Called by start() after the listeners are open and the TLS files have been read, and before
    // anything is served: the place to drop privileges. start() returns its error. It must not call
    // stop(), which would wait for start().
    std::function<Result<void>()> on_listening = {};
    // Called at the end of every exchange, on its worker. The record is invalid after it returns.
    // If it is not set, failures that are not the client's fault are logged.
    std::function<void(const ExchangeRecord&)> on_exchange_end = {};
    // Called when the connection of an exchange, or its HTTP/2 stream, has become a tunnel, on its
    // worker. on_exchange_end follows when the tunnel ends.
    std::function<void(const ExchangeRecord&)> on_tunnel = {};
    // Called on any worker. Default: warnings and errors are written to standard error by a
    // separate thread, as lines of the form "2026-11-28T17:03:33.123Z warning TEXT".
    std::function<void(LogLevel, std::string_view)> log = {};
  };

  // See run_per_worker().
  using HandlerFactory = std::function<std::shared_ptr<const Handler>()>;

  Server();
  // Checks nothing yet: start() and run() report options that cannot be used.
  explicit Server(Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stops at once

  // Serves until stop() is called from elsewhere. It returns 0, or 1 if the server could not start
  // or a worker has failed; the log says why. See wait(). `handler` is anything that make_handler()
  // accepts: a function or a coroutine, a Handler, or a shared_ptr to one.
  int run(std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  int run(Source handler) {
    return run(make_handler(std::move(handler)));
  }
  // Calls `factory` on each worker for a handler of its own, which may keep counters and caches
  // without synchronization.
  int run_per_worker(HandlerFactory factory);

  // Binds and begins to serve. It returns when the listeners are open. A Server may be started
  // once, by start() or run(). The error's detail is one line that says what to do;
  // Errc::bad_option if the handler is null.
  Result<void> start(std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  Result<void> start(Source handler) {
    return start(make_handler(std::move(handler)));
  }
  // Like start() and run_per_worker().
  Result<void> start_per_worker(HandlerFactory factory);
  // Blocks until every worker has ended, after stop() or because an exception left its event loop.
  // Such an exception is logged and ends that worker only. It returns false if a worker failed in
  // this way. On a worker, and in a function that one has offloaded, it returns false at once.
  bool wait();
  // Stops accepting, lets exchanges in progress finish for at most `deadline`, and then closes the
  // rest. Tunnels are closed once they have been silent for five seconds. It returns when every
  // worker has ended, and reports whether everything finished in time. A second call with a shorter
  // deadline takes effect immediately. On a worker (in a handler, say), and in a function that a
  // worker of it has offloaded, stop() only begins the stop and returns false; the destructor does
  // not wait there either.
  bool stop(Limit<Duration> deadline = std::chrono::seconds(30));

  // Replaces the options and the handler while the server serves, and returns when every worker has
  // switched. It is done as a whole or, after an error, not at all: then everything stays as it
  // was. No connection is closed for it except idle ones of listeners that are removed.
  //
  // Requests that begin after it are served by `handler`; those in progress, tunnels included, keep
  // the handler and the options that they began with, which are destroyed with the last of them, on
  // its worker. Timeouts outside of requests apply from the next wait on. Limits of heads, windows
  // and TLS apply to new connections; max_streams goes to open HTTP/2 connections at once. Limits
  // of all connections, of memory and of each client apply at once: what is beyond a lower one goes
  // on, and what began while a client was not limited is not counted.
  //
  // Addresses in `listen` are compared with those that the server has. Equal ones keep their socket
  // and its queue, also if TLS or defer_accept change, and ":0" keeps its port. New ones are opened
  // before anything changes. Those that are missing are closed once the clients that are in their
  // queue were accepted, which may be later if max_client_connections or max_memory makes them
  // wait; their connections end once they are idle. on_listening is not called.
  //
  // The files of TLS are read again. Sessions can be resumed unless client certificates are asked
  // for in another way, and a self-signed certificate stays if TLS and http2 do.
  //
  // Errc::bad_option: a value that start() would refuse, a member that cannot change (`workers`,
  // `stop_on_signals`; the detail begins with its name), a null handler, or a server that does not
  // serve yet or is being stopped. Other errors are those of the system for a new listener. One
  // update waits for another. It must not be called on a worker, where it returns an error, nor in
  // Options::log; a function that a worker offloads may call it.
  Result<void> update(Options options, std::shared_ptr<const Handler> handler);
  template <CanHandleRequests Source>
  Result<void> update(Options options, Source handler) {
    return update(std::move(options), make_handler(std::move(handler)));
  }
  // Like update() and run_per_worker(): if the factory throws or returns null on any worker,
  // nothing changes. Either kind of update may follow either kind of start.
  Result<void> update_per_worker(Options options, HandlerFactory factory);

  // Begins to accept connections, after a start() with Options::accept_at_once = false. Called
  // again it does nothing.
  void accept();
  // The addresses it listens on, with actual port numbers; empty before start().
  std::vector<std::string> addresses() const;
  // The sockets that it listens with, for Options::open_sockets of another process, which gets them
  // as ancillary data (SCM_RIGHTS) and then listens with the same queue: no connection is lost when
  // this server stops. The descriptors are valid until it stops. Empty before start().
  std::vector<OpenSocket> open_sockets() const;
  // Leaves the files of unix sockets where they are when the server stops, because another process
  // listens with the same sockets.
  void leave_socket_files();
  // Removes the files of unix sockets that were handed over when the server stops, because the
  // process that they come from does not: it has called leave_socket_files(), or is about to.
  // Before this call, a server that fails leaves them to that process. It is for a server that has
  // started.
  void take_socket_files();
  // Lowers Options::max_memory to this many bytes, at least 1, until the next update(), to make
  // room for the process that takes its place. Requests in progress continue. It is for a server
  // that has started.
  void lower_max_memory(std::uint64_t bytes);
  // The keys of session tickets, for Options::ticket_keys of another process. They are secret, and
  // this text is not for files or logs. "" without TLS, and if they come from a file.
  std::string ticket_keys() const;
  // Reads the certificates and keys again and uses them for new connections. If they cannot be
  // used, it returns Errc::bad_option with the reason, and the old ones stay in use.
  Result<void> reload_tls();
  // The certificates in use; empty without TLS and before start().
  std::vector<TlsCertificateInfo> certificates() const;
  // Its counters and gauges. Counters keep their values after stop().
  ServerMetrics metrics() const;
  // The oldest requests in progress, at most `max`, and as many tunnels. Every worker is asked, and
  // what answers within `timeout` is returned: a worker that is busy for longer is one of
  // `silent_workers`. It must not be called on a worker.
  RequestsInFlight requests_in_flight(std::size_t max,
                                      Duration timeout = std::chrono::seconds(1)) const;
  // The workers of a server, as ping() counted them.
  struct Pinged {
    std::size_t workers = 0;   // that were started
    std::size_t answered = 0;  // of them
    std::size_t failed = 0;    // of those that did not answer
  };
  // Returns how many workers there are, and how many of them answer within `timeout`: a health
  // check that a blocked event loop fails. It must not be called on a worker. See wait() for those
  // that failed: only another start of the process replaces them.
  Pinged ping(Duration timeout) const;
  // The number of open client connections.
  std::size_t connections() const;
  // The number of requests in progress, including tunnels.
  std::size_t requests() const;
  // The number of bytes that count against max_memory now, without what requests in progress may
  // still need. It covers every Server and Transport of the process, to within 64 KiB per thread.
  std::size_t memory_in_use() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop
