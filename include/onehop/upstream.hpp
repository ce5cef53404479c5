// SPDX-License-Identifier: Apache-2.0
//
// Upstream is a RoundTripper that spreads requests over endpoints, which are equivalent servers. It
// passes over endpoints that fail, sends a failed request to another endpoint if that does no harm,
// and can check the health of endpoints on its own. A Transport makes the connections. One Upstream
// serves every worker. It must outlive its round trips; bodies may outlive it.
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

// Balance is how an Upstream chooses among the endpoints that can be used.
enum class Balance : std::uint8_t {
  least,        // the fewest requests in progress for its weight
  round_robin,  // one after the other, in proportion to their weights
  random,       // at random, in proportion to their weights
  first,        // the first in the list
  hash,         // by Upstream::Options::hash_key: the same key goes to the same endpoint
};

class Upstream final : public RoundTripper {
 public:
  // The unit of timeouts. Other durations of std::chrono convert to it.
  using Duration = std::chrono::nanoseconds;

  // One server. Its state (health, requests in progress) belongs to its URL and connect_address. An
  // endpoint that is removed, and added again within a minute or while it has requests, keeps its
  // state.
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
    // Its share of the requests. 0: none, to take it out of service.
    double weight = 1;
    // A backup gets requests only while no other endpoint can be used.
    bool backup = false;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };

  // Active checks. The Upstream makes them on its own, over separate connections, once for all
  // workers. An endpoint that update() adds gets no requests before its first good check, as long
  // as others can be used.
  struct HealthCheck {
    // How an endpoint is checked.
    enum class Kind : std::uint8_t {
      none,  // no checks: only failed requests count
      http,  // GET path: a 2xx or 3xx is good; a 503 with Connection: close means "draining"
      tcp,   // a connection is good
      grpc,  // grpc.health.v1.Health/Check: SERVING is good
    };

    Kind kind = Kind::none;    // how endpoints are checked
    std::string path = "/";    // http
    std::string host = {};     // http: the Host field; "": from the URL
    std::string service = {};  // grpc: the service to ask for; "": the whole server
    // The time between two checks, shortened at random by up to 20 %, and the time for one check.
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(2);
    // An endpoint is down after this many failures in a row, and up after this many successes in a
    // row.
    unsigned down_after = 3;
    unsigned up_after = 2;

    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
  };

  // Keeps a client at one endpoint, by a session cookie (HttpOnly, SameSite=Lax, and Secure if the
  // client uses TLS, or the name begins with __Host- or __Secure-) that names the endpoint by a
  // keyed hash. If the endpoint cannot be used, another one is chosen, and the cookie is changed to
  // name it.
  struct StickyCookie {
    std::string name = {};  // of the cookie; "": none
    // The key of the hash: at least 16 bytes, the same for all proxies that share clients. "": a
    // random key for each Upstream, unless it replaces another one.
    std::string key = {};

    friend bool operator==(const StickyCookie&, const StickyCookie&) = default;
  };

  // The meaning of a name in the URL of an endpoint.
  enum class Resolve : std::uint8_t {
    alternatives,  // one endpoint: the first of its addresses that accepts a connection serves
    each,          // each of its addresses is an endpoint
  };

  // All workers call the functions at the same time.
  struct Options {
    // May be empty if update() follows. Without endpoints, a request gets a 503.
    std::vector<Endpoint> endpoints = {};
    Resolve resolve = Resolve::alternatives;
    // Services whose servers are endpoints, found by their SRV records: "_http._tcp.example.org".
    // Ports and weights are those of the records; records that do not have the lowest priority are
    // backups. The first label selects the scheme: https:// for _https, h2c:// for _h2c and _grpc,
    // http:// for any other. Services, and names with Resolve::each, are resolved again when their
    // TTL has passed, at least 1 s and at most 30 s. If a query fails, the last good response is
    // kept; a name must be absent for a minute before its endpoints are removed. See
    // Transport::Options::dns_servers.
    std::vector<std::string> services = {};
    // `least` scans up to 32 endpoints; of more, it compares two at random.
    Balance balance = Balance::least;
    // For Balance::hash, where it is required. Returns the key of a request; the view is used at
    // once. An endpoint with at least 10 requests in progress, and at least 1.25 times its share
    // of all, gets no further requests; they go to the next choice of their key.
    std::function<std::string_view(const Request&)> hash_key = {};
    StickyCookie sticky = {};
    // How long it takes for the share of an endpoint that has become usable to rise from 10 % to
    // 100 %.
    Duration slow_start = std::chrono::seconds(10);
    // An endpoint is passed over ("ejected") after five failures in a row, or when half of its last
    // 20 requests failed. A request fails if the endpoint refuses the connection, does not respond
    // in time, closes the connection before its response, fails in the TLS handshake, or responds
    // with something that is not HTTP. The first ejection lasts for eject_time, each further one
    // twice as long as the one before, up to max_eject_time; up to 10 % are taken off at random.
    // An endpoint that has worked for max_eject_time begins with eject_time again. After an
    // ejection, one request tries the endpoint, and another one if the first has no response within
    // ten seconds. At most half of the endpoints are ejected, and never the last one.
    Duration eject_time = std::chrono::seconds(10);
    Duration max_eject_time = std::chrono::minutes(5);
    // Statuses, 500 or higher, that also count as failures of the endpoint.
    std::vector<int> failure_statuses = {};
    // Statuses, such as 503, after which an idempotent request without content is sent to another
    // endpoint.
    std::vector<int> retry_statuses = {};
    // The maximum number of endpoints to which a request is sent, from 1 to 16.
    unsigned max_attempts = 3;
    HealthCheck health = {};
    // Sets Host to the host of the endpoint's URL. Otherwise the Host of the request is kept.
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
  // missing, the cookie's name is invalid, or its key is too short; std::system_error if the system
  // refuses the thread that health checks and name resolution need, of which the process has one.
  explicit Upstream(Options options);
  // Makes an Upstream that replaces `before`. It takes over the health of endpoints that both have,
  // and the cookies of clients stay valid if neither has a key for them. Requests in progress
  // continue in `before`.
  Upstream(Options options, const Upstream& before);
  // Does not end requests in progress.
  ~Upstream() override;
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Sends the request to one of the endpoints, whose scheme, host and port replace those of its
  // URL. Returns Errc::no_endpoint, or the error of the last attempt, if there is no response.
  task<Result<Response>> round_trip(Request request) const override;

  // Replaces the endpoints, for programs that discover them. Endpoints that stay keep their state.
  // Removed endpoints get no further requests; their requests in progress continue, and their
  // connections are closed as soon as they are idle, unless another Upstream over the same
  // Transport names them. Not for an Upstream that follows names, which would replace the endpoints
  // again. Throws std::invalid_argument as the constructor does, without changing anything.
  // Thread: any.
  void update(std::vector<Endpoint> endpoints);

  // State is the condition of an endpoint.
  enum class State : std::uint8_t {
    up,        // gets its share of the requests
    starting,  // usable, with a share that rises
    ejected,   // passed over because requests failed
    down,      // passed over because checks failed, or its first check is not over
    draining,  // removed, with requests in progress, or its checks say that it accepts no more
  };

  // Status describes an endpoint at one moment. Members whose names end in _total are counters,
  // which only grow while the endpoint is known.
  struct Status {
    Endpoint endpoint;        // as in the list
    State state = State::up;  // at this moment
    // When the state began. If it has never changed, when the endpoint was added to the list.
    std::chrono::steady_clock::time_point since{};
    std::size_t requests = 0;           // in progress
    std::uint64_t requests_total = 0;   // that were sent to it
    std::uint64_t failures_total = 0;   // failed requests; see eject_time
    std::uint64_t ejections_total = 0;  // how often it was ejected
    // Active checks that have ended: good ones, failed ones, and those to which the endpoint
    // responded that it accepts no more requests.
    std::uint64_t checks_good_total = 0, checks_failed_total = 0, checks_draining_total = 0;
    std::string last_failure = {};                            // in words; "": there was none
    std::chrono::steady_clock::time_point last_failure_at{};  // when that was
  };
  // Returns the endpoints in the order of the list, then removed ones that have requests in
  // progress. Thread: any.
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
