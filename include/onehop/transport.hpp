// SPDX-License-Identifier: Apache-2.0
//
// Transport: the RoundTripper that uses the network. HTTP/1.1 over persistent connections, pooled
// per origin and core, watched for EOF while idle; HTTP/2, with many requests on a connection, for
// h2c:// URLs and for https:// ones whose upstream chooses it. Cheap to share: one object serves
// every core. Awaited on a thread that runs a Server (or testing::run); elsewhere round_trip fails.
#pragma once

#include <onehop/round_tripper.hpp>
#include <onehop/tls.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace onehop {

namespace testing {
class Network;
}

class Transport final : public RoundTripper {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kOff = Duration::max();

  struct Options {
    // For https:// URLs: whom to trust, and what to show.
    TlsClientOptions tls = {};
    // TCP connect to one address, and to all of them together, looking the name up and TLS
    // included. Past it: 504; where all refuse, once more after 50 ms, then 502.
    Duration connect_attempt_timeout = std::chrono::seconds(3);
    Duration connect_timeout = std::chrono::seconds(5);
    // Offers HTTP/2 to https:// upstreams by ALPN. Off: HTTP/1.1 only, except for h2c:// URLs.
    bool http2 = true;
    // From the last byte of the request that was sent to the response head; if exceeded, 504. Not
    // counted while the request's body has no more to send yet: its source is late then, not the
    // upstream. Off in the library; the program sets 5 minutes.
    Duration response_timeout = kOff;
    // Without a byte in either direction, once the response has begun, or while the upstream does
    // not take the request; if exceeded, the response is aborted, or is a 504 if it has not begun.
    // Not for event streams, gRPC and tunnels, nor for a response without a length (chunked, or
    // over HTTP/2) once it has delivered something: silence is normal there.
    Duration activity_timeout = std::chrono::minutes(5);
    // How long an idle connection is kept. An upstream that says Keep-Alive: timeout=N gets N - 1
    // s, at most 60 s. Short, because many servers close after 5 s and that race costs a retry.
    Duration pool_idle_timeout = std::chrono::seconds(4);
    // Idle connections kept in all; the oldest is closed past it. 0: none but in NTLM handshakes.
    std::size_t pool_size = 512;
    // A connection this old, or that has carried so many requests, takes no more of them: its
    // successor looks the upstream's name up again, and so finds where it is now. Requests under
    // way are not disturbed, nor are tunnels. Each connection's age is up to a tenth less, not the
    // same for all, so that they do not go together. kOff and 0: no limit.
    Duration max_connection_age = std::chrono::hours(1);
    std::size_t max_connection_requests = 0;
    // Open connections per origin and process, and how long a request may wait for one (503 then).
    // 0: no limit.
    std::size_t max_connections = 0;
    Duration queue_timeout = std::chrono::seconds(5);
    // How much of a request body is kept to send it again after a stale connection. 0: none.
    std::size_t replay_body = 64 * 1024;
    // Retries may be at most this share of the requests of the last ten seconds (3 per second are
    // always allowed). 1: no limit.
    double retry_budget = 0.2;
    // A request with Expect: 100-continue (RFC 9110 §10.1.1) waits this long for the 100, then
    // sends its body. 0: does not wait.
    Duration expect_continue_timeout = std::chrono::seconds(1);
    // The response head. Past it: 502.
    std::size_t max_response_header_bytes = 64 * 1024;
    std::size_t max_response_header_fields = 512;
    // 1xx responses to one request.
    std::size_t max_informational = 64;
    // Keep trying to connect for this long while the upstream refuses (it restarts), ends a new
    // connection in the TLS handshake, or resets it before it responds to a request that may be
    // sent again. 0: once more.
    Duration hold = Duration::zero();
    // Connects inside this network of a test instead of the machine's; it must outlive the
    // transport.
    testing::Network* network = nullptr;
  };

  Transport();
  explicit Transport(Options options);
  // Reads what https:// needs (authorities, certificates), which the first request does otherwise.
  // Errc::bad_option when a file cannot be used; every such request would fail. Any thread.
  Result<void> prepare_tls() const;
  // Idle connections are closed, on every thread; those in use when their exchange is over.
  ~Transport() override;

  task<Result<Response>> round_trip(Request request) const override;

  // Connections of this transport, over all cores; approximate while they change.
  struct Statistics {
    std::size_t open = 0, idle = 0;
    std::uint64_t dialled = 0, reused = 0, retried = 0;
  };
  Statistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop
