// SPDX-License-Identifier: Apache-2.0
#include "transport/round_trip.hpp"

#include <onehop/scope.hpp>

#include "base/arena.hpp"
#include "base/promised_memory.hpp"
#include "http/connection_authentication.hpp"
#include "http/field_names.hpp"
#include "http/h2/error_code.hpp"
#include "http/message_access.hpp"
#include "transport/connect_retry.hpp"
#include "transport/h1_exchange.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/upstream_exchange.hpp"

#include <utility>

namespace onehop::transport {
namespace {

static_assert(UpstreamExchange<H1Exchange> && UpstreamExchange<H2Exchange>);

Result<void> check_url(const Url& url) {
  if (!url.is_absolute() || (url.scheme() != "unix" && url.host().empty())) {
    return failure(Errc::bad_url, Side::upstream, "the request has no absolute URL to go to");
  }
  return {};  // a Url has no scheme without a transport
}

// Why a request whose credentials are for the connection cannot go to this upstream.
Error http1_needed(std::string_view why) {
  return Error(Errc::http1_needed, Side::upstream, std::string(why)).during(Phase::connect);
}

// RFC 9113 §7: the request was not served, because it came over HTTP/2.
bool wants_http1(const Error& error) {
  return h2::code_of(error) == h2::ErrorCode::http_1_1_required;
}

// One exchange, over the version of HTTP that its connection speaks.
class Attempt {
 public:
  Attempt(Lease lease, Request& request, const Transport::Options& options)
      : was_reused_(lease.is_reused()) {
    if (lease.is_shared()) {
      h2_ = std::make_unique<H2Exchange>(lease.h2(), request);
    } else {
      h1_ = std::make_unique<H1Exchange>(lease.take_h1());
    }
    // A new connection of HTTP/1 fails for its own reasons alone, which a repetition meets again.
    const bool may_repeat = may_be_stale() || options.hold > io::Duration::zero();
    HeldString* const kept = may_repeat && options.replay_body > 0 ? &copy_ : nullptr;
    const auto begun = h2_ ? h2_->begin(request, kept) : h1_->begin(request, kept);
    if (!begun) response_ = failure(begun.error());
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  H1Exchange* h1() const noexcept { return h1_.get(); }
  H2Exchange* h2() const noexcept { return h2_.get(); }
  // The connection may have been closed just as the request was sent; or lost for the reasons of
  // others that share it.
  bool may_be_stale() const noexcept { return was_reused_ || h2_; }

  bool has_ended() const noexcept { return response_.has_value(); }
  void poll(const Request& request) {
    response_ = h2_ ? h2_->try_response(request) : h1_->try_response(request);
  }
  bool has_failed() const noexcept { return !*response_; }
  const Error& error() const noexcept { return response_->error(); }
  Result<Response> take() {
    if (has_failed()) return std::move(*response_);
    return h2_ ? H2Exchange::attach(std::move(**response_), std::move(h2_))
               : H1Exchange::attach(std::move(**response_), std::move(h1_));
  }
  bool take_back(Resend& resend) {
    return h2_ ? resend.take_back(*h2_, error(), may_be_stale(), std::move(copy_))
               : resend.take_back(*h1_, error(), may_be_stale(), std::move(copy_));
  }

 private:
  HeldString copy_;
  std::optional<Result<Response>> response_;
  bool was_reused_;
  std::unique_ptr<H1Exchange> h1_;
  std::unique_ptr<H2Exchange> h2_;
};

// One request: what it needs, and what has been tried.
class RoundTrip {
 public:
  RoundTrip(ConnectionPool& pool, Request& request)
      : context_(pool.context()),
        origin_(pool.origin(request.url())),
        ref_(origin_.use()),
        request_(request),
        record_(request.record()),
        resend_(context_, request),
        retry_(context_) {
    need_.has_credentials = has_connection_credentials(request.headers());
    need_.client = request.connection().id;
    need_.reuse = resend_.is_repeatable() ? Reuse::any : Reuse::recent_only;
    need_.settings = H2Exchange::asks_for_tunnel(request);
    const std::string_view scheme = request.url().scheme();
    need_.http1_only = scheme == "https" && needs_http1();
    if (!need_.http1_only && origin_.speaks_http2()) claim_ = MemoryPromise(kStreamWindow);
  }

  // How long to wait before the next attempt.
  io::Duration pause() const noexcept { return resend_.pause(); }

  // Why the request can go nowhere.
  std::optional<Error> obstacle() const {
    if (!need_.has_credentials || request_.url().scheme() != "h2c") return std::nullopt;
    return http1_needed("an upstream with h2c:// speaks HTTP/2 only");
  }

  std::optional<Lease> try_lease() { return origin_.try_lease(need_); }
  task<Result<Lease>> lease();
  void begin(std::optional<Attempt>& attempt, Lease lease);
  // True if the request, whose `attempt` has failed, is to be sent again; it is as it was then.
  bool may_repeat(Attempt& attempt);

 private:
  // An Upgrade goes to an https upstream over HTTP/1.1, which all of them can do. So does a request
  // that authenticates its connection, which may not be shared (RFC 4559 §6, RFC 9113 §8.1), and
  // those that follow on such a connection.
  bool needs_http1() const {
    if (need_.has_credentials || request_.headers().has(field::upgrade)) return true;
    return context_.reserved_idle() > 0 && origin_.has_reserved(need_.client);
  }
  // Also of an upstream with TLS that takes HTTP/2 alone: it says so in an alert, when it is
  // offered HTTP/1.1.
  Error explained(const Error& error) const {
    const bool refuses_http1 =
        error.is(Errc::tls_failed) &&
        error.detail().find("no application protocol") != std::string_view::npos;
    return need_.has_credentials && refuses_http1 ? http1_needed(error.detail()) : error;
  }

  PoolContext& context_;
  Origin& origin_;
  const OriginUse::Ref ref_;
  Request& request_;
  ExchangeRecord* record_;
  Resend resend_;
  ConnectRetry retry_;
  Need need_;
  // Until there is a stream of HTTP/2: many requests may wait for one.
  MemoryPromise claim_;
};

// Not inlined: its frame would become part of that of every round trip.
[[gnu::noinline]] task<Result<Lease>> RoundTrip::lease() {
  for (;;) {
    auto leased = co_await origin_.lease(need_, resend_.began());
    if (leased) co_return leased;
    const auto pause = retry_.pause_after(leased.error());
    if (!pause) {
      if (record_) ++record_->attempts;
      co_return failure(explained(leased.error()));
    }
    co_await sleep_for(*pause);
    auto returned = try_lease();  // a connection may have been returned meanwhile
    if (returned) co_return std::move(*returned);
  }
}

void RoundTrip::begin(std::optional<Attempt>& attempt, Lease lease) {
  if (record_) {
    ++record_->attempts;
    record_->reused = lease.is_reused();
    record_->upstream_chosen = context_.reactor().now();
    record_->upstream = MessageAccess::memory(request_).copy(lease.address());
  }
  if (lease.is_shared() && lease.is_reused()) context_.counters().reused.add(1);
  attempt.emplace(std::move(lease), request_, context_.options());
  claim_.redeem();  // a stream of HTTP/2 has made it its own
}

bool RoundTrip::may_repeat(Attempt& attempt) {
  const bool to_http1 = attempt.h2() && wants_http1(attempt.error());
  if (to_http1 && request_.url().scheme() != "https") return false;
  if (!attempt.take_back(resend_)) return false;
  if (attempt.h1()) need_.reuse = Reuse::none;  // where one connection was stale, others are
  if (to_http1) need_.http1_only = true;
  return true;
}

}  // namespace

task<Result<Response>> round_trip(const Pools& pools, Request request) {
  const auto checked = check_url(request.url());
  if (!checked) co_return failure(checked.error());
  io::Reactor* const reactor = io::Reactor::current_or_null();
  if (!reactor) {
    co_return failure(Errc::bad_option, Side::local, "round_trip outside an event loop");
  }
  ConnectionPool& pool = pools.pool(*reactor);
  pool.context().count_request();
  RoundTrip trip(pool, request);
  if (const auto obstacle = trip.obstacle()) co_return failure(*obstacle);
  for (;;) {
    std::optional<Lease> lease = trip.try_lease();
    if (!lease) {
      auto waited = co_await trip.lease();
      if (!waited) co_return failure(waited.error());
      lease.emplace(std::move(*waited));
    }
    std::optional<Attempt> attempt;
    trip.begin(attempt, std::move(*lease));
    while (!attempt->has_ended()) {
      if (H2Exchange* const h2 = attempt->h2()) {
        const bool changed = co_await h2->wait_for_response();
        h2->on_wait(changed);
      } else if (H1Exchange* const h1 = attempt->h1(); h1->may_wait()) {
        const auto wait = co_await h1->wait_for_response();
        h1->on_wait(wait);
      }
      attempt->poll(request);
    }
    if (!attempt->has_failed() || !trip.may_repeat(*attempt)) co_return attempt->take();
    attempt.reset();  // its connection is of no more use
    if (trip.pause() > io::Duration::zero()) co_await sleep_for(trip.pause());
  }
}

}  // namespace onehop::transport
