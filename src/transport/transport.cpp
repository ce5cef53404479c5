// SPDX-License-Identifier: Apache-2.0
#include <onehop/transport.hpp>

#include <onehop/scope.hpp>

#include "base/arena.hpp"
#include "http/connection_authentication.hpp"
#include "http/field_names.hpp"
#include "net/test_network.hpp"
#include "transport/connect_retry.hpp"
#include "transport/connection_pool.hpp"
#include "transport/h1_exchange.hpp"
#include "transport/h2_origin.hpp"
#include "transport/h2_round_trip.hpp"
#include "transport/resend.hpp"

#include <utility>

namespace onehop {
namespace {

using transport::ConnectionPool;
using transport::H1Exchange;
using transport::OriginPool;
using transport::Resend;
using transport::Reuse;

Result<void> check_url(const Url& url) {
  if (!url.is_absolute() || (url.scheme() != "unix" && url.host().empty())) {
    return failure(Errc::bad_url, Side::upstream, "the request has no absolute URL to go to");
  }
  return {};  // a Url has no scheme but those there is a way for
}

// By prior knowledge, or where ALPN may choose it. An Upgrade goes to an https upstream over
// HTTP/1.1, which every one of them can do. So does what authenticates its connection, which may
// not be shared (RFC 4559 §6, RFC 9113 §8.1), and what follows on such a connection.
bool may_use_http2(ConnectionPool& pool, const Request& request, bool has_credentials) {
  const std::string_view scheme = request.url().scheme();
  if (scheme == "h2c") return true;
  if (scheme != "https" || !pool.context().options().http2) return false;
  if (has_credentials || request.headers().has(field::upgrade)) return false;
  if (pool.context().reserved_idle() > 0 &&
      pool.origin(request.url()).has_reserved(request.connection().id)) {
    return false;
  }
  return pool.h2_origin(request.url()).speaks_http2();
}

// Why a request whose credentials are for the connection cannot go to this upstream.
Error http1_needed(std::string_view why) {
  return Error(Errc::http1_needed, Side::upstream, std::string(why)).during(Phase::connect);
}

// Also of an upstream with TLS that takes HTTP/2 alone: it says so in an alert, when it is offered
// HTTP/1.1.
Error explained(Error error, bool has_credentials) {
  const bool refuses_http1 =
      error.is(Errc::tls_failed) &&
      error.detail().find("no application protocol") != std::string_view::npos;
  return has_credentials && refuses_http1 ? http1_needed(error.detail()) : error;
}

}  // namespace

struct Transport::State {
  explicit State(Options options)
      : shared(std::make_shared<transport::SharedPools>(std::move(options))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { shared->retire(); }

  ConnectionPool& pool(io::Reactor& reactor) const {
    return reactor.local<ConnectionPool>(shared.get(), [&] { return make_pool(reactor); });
  }
  std::unique_ptr<ConnectionPool> make_pool(io::Reactor& reactor) const {
    const Options& options = shared->options;
    std::unique_ptr<net::Dialer> dialer;
    if (options.network) {
      dialer = net::dialer_of(*options.network, reactor);
    } else {
      net::DialOptions dial;
      dial.attempt_timeout = options.connect_attempt_timeout;
      dial.total_timeout = options.connect_timeout;
      dialer = std::make_unique<net::KernelDialer>(reactor, dial);
    }
    dialer = std::make_unique<net::TlsDialer>(reactor, std::move(dialer), shared->tls,
                                              options.connect_timeout);
    return std::make_unique<ConnectionPool>(reactor, shared, std::move(dialer));
  }

  std::shared_ptr<transport::SharedPools> shared;
};

namespace {

// One request's way to an upstream: connections, attempts, retries.
class RoundTrip {
 public:
  RoundTrip(ConnectionPool& pool, Request& request, bool repeatable)
      : pool_(pool),
        origin_(pool.origin(request.url())),
        ref_(origin_.use()),
        request_(request),
        record_(request.record()),
        repeatable_(repeatable),
        has_credentials_(has_connection_credentials(request.headers())) {}

  std::unique_ptr<transport::H1Connection> try_take(int attempt) {
    if (attempt == 1 && pool_.context().reserved_idle() > 0) {
      auto reserved = origin_.try_take_reserved(request_.connection().id, has_credentials_);
      if (reserved) return reserved;
    }
    return origin_.try_take(reuse(attempt));
  }
  // A stale connection is most likely where one stale connection was: retries get a new one.
  Reuse reuse(int attempt) const {
    if (attempt > 1) return Reuse::none;
    return repeatable_ ? Reuse::any : Reuse::recent_only;
  }

  void record_attempt(const transport::H1Connection& connection) {
    if (!record_) return;
    ++record_->attempts;
    record_->reused = connection.is_reused();
    record_->upstream_chosen = pool_.context().reactor().now();
    record_->upstream = request_.headers().arena()->copy(connection.address());
  }

  // Not inlined: its frame would become part of every round trip's.
  [[gnu::noinline]] task<Result<std::unique_ptr<transport::H1Connection>>> connect(Reuse reuse,
                                                                                   io::Time began) {
    transport::ConnectRetry retry(pool_.context());
    for (;;) {
      auto taken = co_await origin_.take(reuse, began);
      if (taken) co_return taken;
      const auto pause = retry.pause_after(taken.error());
      if (!pause) {
        if (record_) ++record_->attempts;
        co_return failure(explained(taken.error(), has_credentials_));
      }
      co_await sleep_for(*pause);
      auto idle = origin_.try_take(reuse);  // it may have come back meanwhile
      if (idle) co_return idle;
    }
  }

 private:
  ConnectionPool& pool_;
  OriginPool& origin_;
  const transport::OriginUse::Ref ref_;
  Request& request_;
  ExchangeRecord* record_;
  bool repeatable_;
  bool has_credentials_;
};

}  // namespace

Transport::Transport() : Transport(Options()) {}
Transport::Transport(Options options) : state_(std::make_shared<State>(std::move(options))) {}
Transport::~Transport() = default;

Result<void> Transport::prepare_tls() const {
  const auto context = state_->shared->tls->get(net::FileKinds::regular_or_pipe);
  if (!context) return failure(context.error());
  return {};
}

task<Result<Response>> Transport::round_trip(Request request) const {
  const auto checked = check_url(request.url());
  if (!checked) co_return failure(checked.error());
  io::Reactor* reactor = io::Reactor::current_or_null();
  if (!reactor) {
    co_return failure(Errc::bad_option, Side::local, "round_trip outside an event loop");
  }
  ConnectionPool& pool = state_->pool(*reactor);
  pool.context().count_request();
  Resend resend(pool.context(), request);
  const bool has_credentials = has_connection_credentials(request.headers());
  if (has_credentials && request.url().scheme() == "h2c") {
    co_return failure(http1_needed("the upstream is asked over HTTP/2 (h2c) alone"));
  }
  if (may_use_http2(pool, request, has_credentials)) {
    auto answered = co_await transport::h2_round_trip(pool, request, resend);
    if (answered) co_return std::move(*answered);
  }
  RoundTrip trip(pool, request, resend.is_repeatable());
  for (int attempt = 1;; ++attempt) {
    auto connection = trip.try_take(attempt);
    if (!connection) {
      auto taken = co_await trip.connect(trip.reuse(attempt), resend.began());
      if (!taken) co_return failure(taken.error());
      connection = std::move(*taken);
    }
    trip.record_attempt(*connection);
    const bool reused = connection->is_reused();
    auto exchange = std::make_unique<H1Exchange>(std::move(connection));
    HeldString copy;
    const bool may_fail = reused || pool.context().options().hold > io::Duration::zero();
    HeldString* const kept = may_fail && pool.context().options().replay_body > 0 ? &copy : nullptr;
    exchange->begin(request, kept);
    std::optional<wire::ParserPool::Lease> parser;  // only while there is something to parse
    std::optional<Result<Response>> response;
    while (!response) {
      if (exchange->may_wait()) {
        const auto wait = co_await exchange->wait_for_response();
        exchange->on_wait(wait);
      }
      if (!parser) parser.emplace(pool.context().parsers().take());
      response = exchange->try_response(request, **parser);
    }
    if (*response) {
      const bool has_more = !exchange->is_complete() && !(*response)->tunnel();
      if (has_more) (*response)->body() = Body::from(std::move(exchange));
      co_return std::move(*response);
    }
    if (!resend.take_back(*exchange, response->error(), reused, std::move(copy))) {
      co_return std::move(*response);
    }
    exchange.reset();  // its connection is of no more use
    parser.reset();
    if (resend.pause() > io::Duration::zero()) co_await sleep_for(resend.pause());
  }
}

Transport::Statistics Transport::statistics() const {
  return state_->shared->statistics();
}

}  // namespace onehop
