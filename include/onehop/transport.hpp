// SPDX-License-Identifier: Apache-2.0
//
// Transport is the RoundTripper that uses the network. It speaks HTTP/1.1 over persistent
// connections, pooled per origin and worker, and HTTP/2, with many requests on one connection, for
// h2c:// URLs and for https:// URLs whose upstream selects it. One Transport serves every worker.
// round_trip() must be awaited on a worker of a Server (or in testing::run); elsewhere it fails.
#pragma once

#include <onehop/dialer.hpp>
#include <onehop/limit.hpp>
#include <onehop/metrics.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/tls.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop {

namespace detail {
struct TransportAccess;
}

class Transport final : public RoundTripper {
 public:
  // The unit of timeouts. Other durations of std::chrono convert to it.
  using Duration = std::chrono::nanoseconds;

  // Members of type Limit accept no_limit.
  struct Options {
    // For https:// URLs: which authorities to trust, and the client certificate.
    TlsClientOptions tls = {};
    // The time for a TCP connection to one address, and the total time for resolving the name,
    // connecting to any of its addresses, and TLS. If exceeded, 504. If all addresses refuse, they
    // are tried again after 50 ms; if they refuse again, 502.
    Limit<Duration> connect_attempt_timeout = std::chrono::seconds(3);
    Limit<Duration> connect_timeout = std::chrono::seconds(5);
    // Offers HTTP/2 to https:// upstreams by ALPN. If false, HTTP/2 is used for h2c:// URLs only.
    bool http2 = true;
    // The time from the last byte sent of the request to the response head. If exceeded, 504. Time
    // during which the source of the request body has nothing to send does not count. The onehop
    // program sets it to 5 minutes.
    Limit<Duration> response_timeout = no_limit;
    // The longest time without a byte in either direction after the response has begun, or while
    // the upstream does not read the request. If exceeded, the response is aborted, or is a 504 if
    // it has not begun. Not enforced for event streams, gRPC and tunnels, nor for a response
    // without a length (chunked, or over HTTP/2) once content has been delivered: these may be
    // silent.
    Limit<Duration> activity_timeout = std::chrono::minutes(5);
    // How long an idle connection is kept. If the upstream sends Keep-Alive: timeout=N, it is kept
    // for N - 1 s, at most 60 s. The default is short because many servers close after 5 s, and
    // losing that race costs a retry.
    Limit<Duration> pool_idle_timeout = std::chrono::seconds(4);
    // The maximum number of idle connections; beyond it the oldest is closed. 0: none, except
    // during an NTLM handshake.
    std::size_t pool_size = 512;
    // A connection older than this, or that has carried this many requests, takes no new ones; its
    // replacement resolves the name again. Requests and tunnels in progress are not disturbed. Ages
    // are shortened at random by up to 10 %, so that connections opened together do not expire
    // together.
    Limit<Duration> max_connection_age = std::chrono::hours(1);
    Limit<std::uint64_t> max_connection_requests = no_limit;
    // The maximum number of open connections per origin, over all workers, at least 1, and how long
    // a request may wait for one. If exceeded, 503.
    Limit<std::size_t> max_connections = no_limit;
    Limit<Duration> queue_timeout = std::chrono::seconds(5);
    // How many bytes of a request body are kept in order to send it again. 0: none.
    std::size_t replay_body = 64 * 1024;
    // The maximum ratio of retries to requests in the last ten seconds; 3 retries per second are
    // always allowed.
    Limit<double> retry_budget = 0.2;
    // How long a request with Expect: 100-continue (RFC 9110 §10.1.1) waits for the 100 before it
    // sends its body. 0: it does not wait.
    Limit<Duration> expect_continue_timeout = std::chrono::seconds(1);
    // Limits of the response head: bytes, and number of fields. If exceeded, 502.
    std::size_t max_response_header_bytes = 64 * 1024;
    std::size_t max_response_header_fields = 512;
    // The maximum number of 1xx responses to one request. If exceeded, 502.
    std::size_t max_informational = 64;
    // How long to keep trying while the upstream, for example during a restart, refuses
    // connections, ends a new connection in the TLS handshake, or resets it before it responds to a
    // request that may be sent again. 0: one more attempt.
    Limit<Duration> hold = Duration::zero();
    // Begins each connection with a PROXY header, version 2, before TLS. The header names the
    // client (ConnectionInfo::peer) for whose request the connection is made. The connection
    // carries only requests of that client's connection and is closed with it, so upstreams see as
    // many connections as there are clients. For a request that no Server received, the header is
    // LOCAL.
    bool send_proxy = false;
    // The name servers that resolve the names in URLs: "10.0.0.53", "[fd00::53]:5353". With them,
    // only DNS is used, and not /etc/hosts. Empty: those of the system. An Upstream over this
    // Transport also uses them for the names that it follows. A `dialer` resolves names itself.
    std::vector<std::string> dns_servers = {};
    // Makes the connections. Default: names are resolved by DNS, and connections are made by TCP
    // and unix sockets, with all addresses tried.
    std::shared_ptr<const Dialer> dialer = {};

    friend bool operator==(const Options&, const Options&) = default;
  };

  Transport();
  // Throws std::invalid_argument if max_connections or max_connection_requests is 0, or an entry of
  // dns_servers is not an IP address, optionally with a port.
  explicit Transport(Options options);
  // Reads the files that https:// needs (authorities, certificates) now instead of at the first
  // request. Returns Errc::bad_option if a file cannot be used.
  // Thread: any.
  Result<void> prepare_tls() const;
  // Closes idle connections, on every thread. Connections in use are closed when their exchange is
  // over.
  ~Transport() override;

  task<Result<Response>> round_trip(Request request) const override;

  // Statistics are the numbers of a Transport over all workers; they are approximate while they
  // change.
  struct Statistics {
    using Time = std::chrono::steady_clock::time_point;  // zero: never

    // Attempts to connect. An attempt that failed because this machine lacked something, such as a
    // descriptor, does not count.
    struct Attempts {
      Time succeeded{}, failed{};  // the last of each; zero: there was none
      Time since{};                // the end of the first one in the present run of equal results

      // Reports whether the last attempt failed.
      bool are_failing() const noexcept { return failed > succeeded; }
      // Returns the time at which the last attempt ended.
      Time last() const noexcept { return succeeded > failed ? succeeded : failed; }
      // Counts an attempt that ended at `at`.
      void add(bool has_succeeded, Time at) noexcept;
      Attempts& operator+=(const Attempts& other) noexcept;
    };
    // One address of an upstream.
    struct Address {
      std::string address;             // as in ExchangeRecord::upstream: "127.0.0.1:8000"
      std::size_t open = 0, idle = 0;  // connections; the idle ones are part of the open ones
      std::size_t requests = 0;        // in progress
      Attempts attempts = {};          // to connect to it
    };
    // One upstream: the scheme, host and port of a URL; the host of unix:/path is the path. Only
    // upstreams that had a connection or an attempt are listed, each with its latest addresses, at
    // most 256.
    struct Upstream {
      std::string scheme, host;             // "https", and the host as in Url::host()
      std::uint16_t port = 0;               // 0 for a unix socket
      Attempts attempts = {};               // each covers all addresses, and the name
      std::vector<Address> addresses = {};  // that had a connection or an attempt

      Upstream& operator+=(const Upstream& other);
    };
    // Handshakes with upstreams. The resumed ones are part of the number for their version.
    struct Tls {
      std::uint64_t tls1_2 = 0, tls1_2_resumed = 0, tls1_3 = 0, tls1_3_resumed = 0;  // succeeded
      std::uint64_t timed_out = 0, failed = 0;  // did not succeed
      DurationHistogram duration;               // of those that succeeded, without connecting
    };
    // HTTP/2 with upstreams.
    struct Http2 {
      std::size_t streams = 0;          // requests in progress
      std::uint64_t streams_total = 0;  // requests that have begun
      std::uint64_t goaways = 0;        // connections on which an upstream sent GOAWAY
    };

    std::size_t open = 0, idle = 0;  // connections; the idle ones are part of the open ones
    // Connections that were made; requests that got a pooled connection; attempts that repeated
    // another attempt.
    std::uint64_t dialled = 0, reused = 0, retried = 0;
    std::uint64_t dials_failed = 0;  // connections that could not be made
    // The retried attempts by reason: nothing had been sent, the upstream had refused the request
    // unprocessed, or the upstream may have processed it, and repeating it does no harm.
    std::uint64_t retried_unsent = 0, retried_refused = 0, retried_uncertain = 0;
    // How long requests without an idle connection waited for one, until they got it or gave up.
    DurationHistogram waits;
    // DNS, over all transports of the process: queries, and how often expired addresses were used
    // because a query had no response.
    std::uint64_t dns_queries = 0, dns_stale_answers = 0;
    Tls tls;
    Http2 http2;
    std::vector<Upstream> upstreams;

    // Adds the numbers of another transport of the same process.
    Statistics& operator+=(const Statistics& other);
  };
  // Returns the current numbers. Thread: any.
  Statistics statistics() const;

  // The options that can change while requests are in progress.
  struct Limits {
    Limit<std::size_t> max_connections = no_limit;  // Options::max_connections
    Limit<double> retry_budget = 0.2;               // Options::retry_budget
  };
  // Replaces the limits in the options, at once and on every worker. If max_connections rises,
  // waiting requests get connections; if it falls, surplus connections are closed as they become
  // idle. Throws std::invalid_argument if max_connections is 0.
  // Thread: any.
  void set_limits(const Limits& limits);

 private:
  friend struct detail::TransportAccess;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop
