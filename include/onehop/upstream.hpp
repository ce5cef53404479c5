// SPDX-License-Identifier: Apache-2.0
//
// Upstream is a RoundTripper that spreads requests over endpoints: servers that do the same. It
// passes over those that fail, sends a request that failed to another one where that does no harm,
// and may check on its own which of them work. The connections are those of a Transport. One
// Upstream serves every worker, and outlives its round trips; bodies may outlive it.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop {

namespace detail {
struct UpstreamAccess;
}

// How an Upstream chooses among the endpoints that can be used.
enum class Balance : std::uint8_t {
  least,        // the fewest requests in progress for its weight
  round_robin,  // one after the other, as often as their weights say
  random,       // at random, as often as their weights say
  first,        // the first in the list
  hash,         // by Upstream::Options::hash_key: the same key goes to the same endpoint
};

class Upstream final : public RoundTripper {
 public:
  // The unit of timeouts. Other durations of std::chrono convert to it.
  using Duration = std::chrono::nanoseconds;

  // One server. Its state (health, requests in progress) belongs to its URL and connect_address: a
  // list that names both again, within a minute or while it has requests, finds it as it was.
  struct Endpoint {
    // Parses `url`. Throws std::invalid_argument if it is not an absolute URL.
    Endpoint(const char* url);         // NOLINT: a URL reads as an endpoint
    Endpoint(const std::string& url);  // NOLINT
    Endpoint(Url u, double w = 1, bool is_backup = false)
        : url(std::move(u)), weight(w), backup(is_backup) {}

    // Scheme, host and port; the path comes from the request. TLS verifies the host.
    Url url;
    // An IP address to connect to instead of those of the host. "": those of the host, which are
    // alternatives: the first that accepts a connection serves.
    std::string connect_address = {};
    // Its share of the requests. 0: none, as while it is taken out of service.
    double weight = 1;
    // It serves only while no other endpoint can be used.
    bool backup = false;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };

  // Checks that the Upstream makes on its own, with connections of their own, once for all workers.
  // An endpoint that update() adds gets no requests before its first good check, as long as others
  // can be used.
  struct HealthCheck {
    // How an endpoint is checked.
    enum class Kind : std::uint8_t {
      none,  // only requests show how it is
      http,  // GET path: a 2xx or 3xx is good; a 503 with Connection: close means "draining"
      tcp,   // a connection
      grpc,  // grpc.health.v1.Health/Check: SERVING is good
    };

    Kind kind = Kind::none;    // without one there are no checks
    std::string path = "/";    // http
    std::string host = {};     // http: the Host field; "": that of the URL
    std::string service = {};  // grpc: the service that is asked for; "": the server
    // The time between two checks, of which up to 20 % are taken off at random, and the time for
    // one of them.
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(2);
    // After so many failures in a row an endpoint is down, and up after so many successes.
    unsigned down_after = 3;
    unsigned up_after = 2;

    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
  };

  // Keeps a client at one endpoint, by a session cookie (HttpOnly, SameSite=Lax, and Secure if the
  // client uses TLS, or the name begins with __Host- or __Secure-) that names the endpoint by a
  // keyed hash. If that cannot be used, another one is chosen, and the cookie names that one.
  struct StickyCookie {
    std::string name = {};  // of the cookie; "": none
    // At least 16 bytes, the same for all proxies that share clients. "": random for each Upstream,
    // unless it takes the place of another.
    std::string key = {};

    friend bool operator==(const StickyCookie&, const StickyCookie&) = default;
  };

  // The meaning of a name in the URL of an endpoint.
  enum class Resolve : std::uint8_t {
    alternatives,  // one endpoint: the first of its addresses that accepts a connection serves
    each,          // each of its addresses is an endpoint
  };

  // All workers call the functions at once.
  struct Options {
    // May be empty if update() follows; a request without endpoints is a 503.
    std::vector<Endpoint> endpoints = {};
    Resolve resolve = Resolve::alternatives;
    // Services whose servers are endpoints, by their SRV records: "_http._tcp.example.org". Ports
    // and weights are those of the records; records that do not have the lowest priority are
    // backups. The first label says how the servers are spoken to: _https, _h2c or _grpc (both are
    // h2c://); any other is http://.
    // Names of Resolve::each and services are asked for again when their TTL has passed, which
    // counts as 1 to 30 s. A failed query keeps the last good response; a name must be absent for
    // a minute before that counts. See Transport::Options::dns_servers.
    std::vector<std::string> services = {};
    // `least` scans all endpoints if they are at most 32; beyond, it compares two random ones.
    Balance balance = Balance::least;
    // For Balance::hash. Returns the key of a request; the view is used at once. Required there.
    // No endpoint gets more than 10 at once and 1.25 times its share: requests beyond go to their
    // next choice.
    std::function<std::string_view(const Request&)> hash_key = {};
    StickyCookie sticky = {};
    // How long the share of an endpoint that has become usable takes to rise from 10 % to all of
    // it.
    Duration slow_start = std::chrono::seconds(10);
    // An endpoint is passed over ("ejected") after five failures in a row, or when half of its last
    // 20 requests failed: it refused, did not respond in time, ended before a response, failed in
    // the TLS handshake, or responded with something that is not HTTP. For this long, with up to
    // 10 % taken off at random; twice as long after each further time, up to max_eject_time. Then
    // one request tries it, and another one if that has no response within 10 s. At most half of
    // the endpoints are ejected, and never the last one.
    Duration eject_time = std::chrono::seconds(10);
    Duration max_eject_time = std::chrono::minutes(5);
    // Statuses, from 500 on, that count as failures of the endpoint as well.
    std::vector<int> failure_statuses = {};
    // Statuses, such as 503, after which an idempotent request without content is sent to another
    // endpoint.
    std::vector<int> retry_statuses = {};
    // How many endpoints a request may be sent to, from 1 to 16.
    unsigned max_attempts = 3;
    HealthCheck health = {};
    // Sets Host to that of the endpoint's URL. Otherwise Host is what the request has.
    bool host_of_endpoint = false;
    // Called when the state of an endpoint changes, with a line for a log. It must not throw, nor
    // make or destroy an Upstream. Thread: any.
    std::function<void(std::string_view)> on_change = {};
    // Makes the connections. Default: a Transport with default options. With
    // Transport::Options::hold, a request waits when all endpoints refuse.
    std::shared_ptr<const Transport> transport = {};
  };

  // Throws std::invalid_argument if an endpoint's URL has a path or a query, a weight is negative
  // or not a number, two endpoints are the same, max_attempts is out of bounds, a hash_key is
  // missing, no cookie has such a name, or its key is too short; std::system_error if the system
  // refuses the thread that health checks and names need, one for the process.
  explicit Upstream(Options options);
  // The same, in place of `before`: it knows the health of endpoints that both have, and clients
  // keep their cookies if neither has a key for them. Requests in progress go on in `before`.
  Upstream(Options options, const Upstream& before);
  // Requests in progress end by themselves.
  ~Upstream() override;
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Sends the request to one of the endpoints, whose scheme, host and port replace those of its
  // URL. Errors: Errc::no_endpoint, or that of the last attempt.
  task<Result<Response>> round_trip(Request request) const override;

  // Replaces the endpoints, for programs that discover them. Those that stay keep their state;
  // those that are gone get no further requests, what is in progress ends by itself, and their
  // connections are closed as soon as they are idle, unless another Upstream over the same
  // Transport names them. Not for an Upstream that follows names, which replaces them again. Throws
  // std::invalid_argument as the constructor does; nothing has changed then. Thread: any.
  void update(std::vector<Endpoint> endpoints);

  // How an endpoint takes part.
  enum class State : std::uint8_t {
    up,        // gets its share of the requests
    starting,  // usable, with a share that rises
    ejected,   // passed over because requests failed
    down,      // passed over because checks failed
    draining,  // gone from the list, or taken out of service by itself; requests are in progress
  };

  // An endpoint at one moment. Names that end in _total are counters: they only grow while the
  // endpoint is known.
  struct Status {
    Endpoint endpoint;        // as in the list
    State state = State::up;  // at this moment
    // Of the state; of one that has never changed, since the endpoint is in the list.
    std::chrono::steady_clock::time_point since{};
    std::size_t requests = 0;           // in progress
    std::uint64_t requests_total = 0;   // that were sent to it
    std::uint64_t failures_total = 0;   // of requests; see eject_time
    std::uint64_t ejections_total = 0;  // how often it was ejected
    // Active checks that have ended: good ones, failed ones, and those to which it responded that
    // it takes no more requests.
    std::uint64_t checks_good_total = 0, checks_failed_total = 0, checks_draining_total = 0;
    std::string last_failure = {};                            // in words; "": there was none
    std::chrono::steady_clock::time_point last_failure_at{};  // when that was
  };
  // In the order of the list; then those that are gone and have requests in progress. Thread: any.
  std::vector<Status> endpoints() const;

 private:
  friend struct detail::UpstreamAccess;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Returns the word for a state: "up", "starting", "ejected", "down", "draining".
std::string_view to_string(Upstream::State state) noexcept;

// Returns a proxy to `upstream`, with the rules of single_host_reverse_proxy.
ReverseProxy upstream_reverse_proxy(std::shared_ptr<const Upstream> upstream);

// Returns a rewrite hook that keeps the path, for a ReverseProxy whose transport is an Upstream;
// the URL's authority, which the Upstream replaces, is "upstream".
RewriteHook to_upstream();

}  // namespace onehop
