// SPDX-License-Identifier: Apache-2.0
#include "transport/round_trip.hpp"

#include <onehop/scope.hpp>

#include "base/arena.hpp"
#include "base/poll.hpp"
#include "http/connection_authentication.hpp"
#include "http/field_names.hpp"
#include "http/h2/error_code.hpp"
#include "http/message_access.hpp"
#include "transport/attempt_trace.hpp"
#include "transport/h1_exchange.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/upstream_exchange.hpp"

#include <utility>

namespace onehop::transport {
namespace {

static_assert(UpstreamExchange<H1Exchange> && UpstreamExchange<H2Exchange>);

// The pause between two attempts to connect to an upstream that refuses.
constexpr io::Duration kConnectAgain = std::chrono::milliseconds(50);

// The error of a request whose credentials are for the connection and that cannot go to this
// upstream.
Error http1_needed(std::string_view why) {
  return Error(Errc::http1_needed, Side::upstream, std::string(why)).during(Phase::connect);
}

// RFC 9113 §7: the upstream did not serve the request because it came over HTTP/2.
bool wants_http1(const Error& error) {
  return h2::code_of(error) == h2::ErrorCode::http_1_1_required;
}

// The record describes the last attempt. If that gets no connection, or no response, the values of
// an earlier one must not appear beside its failure.
void forget_attempt(ExchangeRecord& record) noexcept {
  record.upstream = {};
  record.reused = false;
  record.upstream_chosen = record.request_sent = record.response_began = {};
}

// One exchange, over the version of HTTP of its connection.
class Attempt {
 public:
  // `places` is null if there is only one place.
  Attempt(Lease lease, Request& request, const Transport::Options& options, Destinations* places)
      : may_be_stale_(lease.is_shared() || lease.is_reused()), was_used_(lease.is_reused()) {
    // A new HTTP/1 connection that fails does so for a reason that a repetition meets again, unless
    // the repetition goes to another place.
    const bool may_repeat =
        may_be_stale_ || options.hold > io::Duration::zero() || (places && places->has_next());
    HeldString* const kept = may_repeat && options.replay_body > 0 ? &copy_ : nullptr;
    if (lease.is_shared()) {
      h2_ = std::make_unique<H2Exchange>(lease.h2(), request);
      if (places) h2_->count_at(places->take_use());
      h2_->begin(request, kept);
    } else {
      h1_ = std::make_unique<H1Exchange>(lease.take_h1());
      if (places) h1_->count_at(places->take_use());
      h1_->begin(request, kept);
    }
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  H1Exchange* h1() const noexcept { return h1_.get(); }
  H2Exchange* h2() const noexcept { return h2_.get(); }
  // Reports whether the connection may have been closed just as the request was sent, or lost
  // because of other requests that share it.
  bool may_be_stale() const noexcept { return may_be_stale_; }
  Delivery delivery() const noexcept { return h2_ ? h2_->delivery() : h1_->delivery(); }
  // Reports whether `error` says nothing about the upstream's health: the upstream may have closed
  // the connection while that was idle, or reported that it did not process the request, or
  // cancelled it, as at a deadline that the client has set.
  bool is_innocent(const Error& error) const noexcept {
    if (error.is_timeout()) return false;
    if (h2::code_of(error) == h2::ErrorCode::cancel) return true;
    switch (delivery()) {
      case Delivery::passed_over:
      case Delivery::refused:
        return true;
      case Delivery::unsent:  // or the upstream does not support the upgrade
        return was_used_ || error.is(Errc::unexpected_upgrade);
      case Delivery::uncertain:
        return was_used_;
      case Delivery::answered:
        break;
    }
    return false;
  }

  Poll<Response> try_response(const Request& request) {
    return h2_ ? h2_->try_response(request) : h1_->try_response(request);
  }
  Response attach(Response response) {
    return h2_ ? H2Exchange::attach(std::move(response), std::move(h2_))
               : H1Exchange::attach(std::move(response), std::move(h1_));
  }
  bool take_back(Resend& resend, const Error& error, Resend::Target target) {
    return h2_ ? resend.take_back(*h2_, error, target, std::move(copy_))
               : resend.take_back(*h1_, error, target, std::move(copy_));
  }

 private:
  HeldString copy_;
  const bool may_be_stale_;
  const bool was_used_;
  std::unique_ptr<H1Exchange> h1_;
  std::unique_ptr<H2Exchange> h2_;
};

// One request: its needs, and its attempts so far.
class RoundTrip {
 public:
  // `places` is null, or has a current place.
  RoundTrip(ConnectionPool& pool, Request& request, Destinations* places)
      : pool_(pool),
        context_(pool.context()),
        places_(places),
        origin_(&origin_of(pool, request, places)),
        ref_(origin_->use()),
        request_(request),
        record_(request.record()),
        resend_(context_, request),
        trace_(request) {
    need_.has_credentials = has_connection_credentials(request.headers());
    need_.client = request.connection().id;
    need_.reuse = resend_.is_repeatable() ? Reuse::any : Reuse::recent_only;
    need_.settings = H2Exchange::asks_for_tunnel(request);
    look_at_place();
  }

  // Returns how long to wait before the next attempt.
  io::Duration pause() const noexcept { return resend_.pause(); }

  // Leaves the first place if the request cannot go there. Returns the reason if there is no other.
  std::optional<Error> find_place() {
    std::optional<Error> reason = obstacle();
    if (reason && move_on()) reason.reset();
    return reason;
  }

  std::optional<Lease> try_lease() { return origin_->try_lease(need_); }
  void record_begin() {
    if (record_ && record_->attempts != 0) [[unlikely]]
      forget_attempt(*record_);
    trace_.begin(context_.reactor().now());
  }
  void record_end(const Result<Response>& response) {
    if (response) {
      trace_.responded(*response);
    } else {
      trace_.failed(response.error(), context_.reactor().now());
    }
  }
  task<Result<Lease>> lease();
  void record(const Lease& lease);
  // Returns true if the request, whose `attempt` has failed with `error`, is to be sent again; then
  // the request is restored.
  bool may_repeat(Attempt& attempt, const Error& error);
  // Returns true if the response is to be dropped because the request goes to another place.
  bool goes_elsewhere(Response& response);

 private:
  // Returns the reason why the request cannot go to this place, if there is one.
  std::optional<Error> obstacle() const {
    if (!need_.has_credentials || request_.url().scheme() != "h2c") return std::nullopt;
    return http1_needed("an upstream with h2c:// speaks HTTP/2 only");
  }
  // An Upgrade to an https upstream goes over HTTP/1.1, which every upstream speaks. So does a
  // request that authenticates its connection, which must not be shared (RFC 4559 §6, RFC 9113
  // §8.1), and so do later requests on such a connection.
  bool needs_http1() const {
    if (need_.has_credentials || request_.headers().has(field::upgrade)) return true;
    return context_.reserved_idle() > 0 && origin_->has_reserved(need_.client);
  }
  static Origin& origin_of(ConnectionPool& pool, const Request& request, Destinations* places) {
    const std::string_view address = places ? places->connect_address() : std::string_view();
    return pool.origin(request.url(), address, &request.connection());
  }
  // Determines the needs at the current place. If there are several places, a refusal is not waited
  // out.
  void look_at_place() {
    need_.http1_only = request_.url().scheme() == "https" && needs_http1();
    need_.may_hold = !places_;
  }
  // Moves to another place. Returns false if there is none.
  bool move_on() {
    do {
      if (!places_ || !places_->next(request_)) return false;
    } while (obstacle());
    origin_ = &origin_of(pool_, request_, places_);
    ref_.emplace(origin_->use());
    look_at_place();
    was_stale_ = false;
    return true;
  }
  // Reports whether time is left of connect_timeout, which is for one round of all places. If one
  // place uses all of it, for example because it does not respond to a handshake, another place
  // gets as much time once; otherwise that place alone would cost the request.
  bool has_time_to_connect(const Error& error) noexcept {
    const io::Duration timeout = context_.options().connect_timeout;
    if (context_.reactor().now() < io::deadline_after(round_began_, timeout)) return true;
    return !error.is(Errc::no_connection_slot) && !std::exchange(was_late_, true);
  }
  // Returns how long to wait before an upstream that refuses connections, as during a restart, is
  // tried again, or std::nullopt if it was tried often enough. With hold, Redial has already
  // retried a single upstream.
  std::optional<io::Duration> pause_after(const Error& error) {
    if (!is_refusal(error) || (places_ && !places_->begin_again())) return std::nullopt;
    const io::Duration hold = context_.options().hold;
    if (hold > io::Duration::zero()) {
      const io::Time until = io::deadline_after(resend_.began(), hold);
      if (!places_ || context_.reactor().now() >= until) return std::nullopt;
      return Redial::kEvery;
    }
    if (std::exchange(was_refused_, true) || !context_.try_retry()) return std::nullopt;
    return kConnectAgain;
  }
  // Explains the alert with which an upstream that accepts only HTTP/2 rejects a TLS handshake that
  // offers HTTP/1.1.
  Error explained(const Error& error) const {
    const bool refuses_http1 =
        error.is(Errc::tls_failed) &&
        error.detail().find("no application protocol") != std::string_view::npos;
    return need_.has_credentials && refuses_http1 ? http1_needed(error.detail()) : error;
  }

  ConnectionPool& pool_;
  PoolContext& context_;
  Destinations* const places_;
  Origin* origin_;
  std::optional<OriginUse::Ref> ref_;
  Request& request_;
  ExchangeRecord* record_;
  Resend resend_;
  AttemptTrace trace_;
  Need need_;
  io::Time round_began_ = resend_.began();
  bool was_refused_ = false;
  bool was_late_ = false;   // a place took all of the time
  bool was_stale_ = false;  // at this place: the next failure leads to another place
};

// Not inlined, because its frame would become part of the frame of every round trip.
[[gnu::noinline]] task<Result<Lease>> RoundTrip::lease() {
  for (;;) {
    auto leased = co_await origin_->lease(need_, resend_.began());
    if (leased) co_return leased;
    const Error& error = leased.error();
    const bool is_upstreams = error.side() == Side::upstream;
    if (places_) places_->on_failure(error, is_upstreams && !error.is(Errc::no_connection_slot));
    const bool moved = is_upstreams && has_time_to_connect(error) && move_on();
    if (!moved) {
      const auto pause = pause_after(error);
      if (!pause) {
        if (record_) ++record_->attempts;
        trace_.failed(error, context_.reactor().now());
        co_return failure(explained(error));
      }
      co_await sleep_for(*pause);
      round_began_ = context_.reactor().now();
      move_on();
    }
    auto returned = try_lease();  // a connection may have been returned meanwhile
    if (returned) co_return std::move(*returned);
  }
}

void RoundTrip::record(const Lease& lease) {
  if (lease.is_shared() && lease.is_reused()) context_.counters().reused.add(1);
  if (!record_) return;
  ++record_->attempts;
  record_->reused = lease.is_reused();
  if (!record_->reused) record_->dial_time = lease.connection().dial_time();
  record_->upstream_chosen = context_.reactor().now();
  record_->upstream = lease.connection().lasting_address();
  if (record_->upstream.empty()) [[unlikely]]
    record_->upstream = MessageAccess::memory(request_).copy(lease.connection().address());
  trace_.connected(lease.is_shared() ? Version::http_2 : Version::http_1_1);
}

bool RoundTrip::may_repeat(Attempt& attempt, const Error& error) {
  const bool to_http1 = attempt.h2() && wants_http1(error);
  if (to_http1 && request_.url().scheme() != "https") return false;
  Resend::Target target =
      attempt.may_be_stale() ? Resend::Target::new_connection : Resend::Target::same_again;
  if (places_ && !to_http1) {
    const Delivery delivery = attempt.delivery();
    const bool is_innocent = attempt.is_innocent(error);
    places_->on_failure(error, error.side() == Side::upstream && !is_innocent);
    // A client that is bound to a place is not moved because a connection was idle for too long.
    // The last attempt goes to a place that has not failed.
    const bool stays = is_innocent && delivery != Delivery::refused &&
                       !resend_.is_next_the_last() && !std::exchange(was_stale_, true);
    if (!stays && places_->has_next()) target = Resend::Target::elsewhere;
  }
  if (!attempt.take_back(resend_, error, target)) return false;
  round_began_ = context_.reactor().now();
  if (target == Resend::Target::elsewhere && move_on()) return true;
  if (attempt.h1()) need_.reuse = Reuse::none;  // if one connection was stale, others are
  if (to_http1) need_.http1_only = true;
  return true;
}

bool RoundTrip::goes_elsewhere(Response& response) {
  if (!places_ || !places_->on_response(response)) return false;
  if (!places_->has_next() || !resend_.repeats_answered()) return false;
  round_began_ = context_.reactor().now();
  return move_on();
}

}  // namespace

task<Result<Response>> round_trip(const Pools& pools,
                                  Request request,
                                  std::unique_ptr<Destinations> places) {
  io::Reactor* const reactor = io::Reactor::current_or_null();
  if (!reactor) {
    co_return failure(Errc::bad_option, Side::local, "round_trip outside an event loop");
  }
  if (places && !places->next(request)) {
    co_return failure(Errc::no_endpoint, Side::upstream, "the upstream has no endpoint");
  }
  if (!request.url().is_absolute()) {
    co_return failure(Errc::bad_url, Side::upstream, "the request has no absolute URL");
  }
  ConnectionPool& pool = pools.pool(*reactor);
  pool.context().count_request();
  RoundTrip trip(pool, request, places.get());
  if (const auto obstacle = trip.find_place()) co_return failure(*obstacle);
  for (;;) {
    trip.record_begin();
    std::optional<Lease> lease = trip.try_lease();
    if (!lease) {
      auto waited = co_await trip.lease();
      if (!waited) co_return failure(waited.error());
      lease.emplace(std::move(*waited));
    }
    trip.record(*lease);
    for (Attempt attempt(std::move(*lease), request, pool.context().options(), places.get());;) {
      if (H2Exchange* const h2 = attempt.h2(); h2 && h2->may_wait()) {
        const bool changed = co_await h2->wait_for_response();
        h2->on_wait(changed);
      } else if (H1Exchange* const h1 = attempt.h1(); h1 && h1->may_wait()) {
        const auto wait = co_await h1->wait_for_response();
        h1->on_wait(wait);
      }
      auto response = attempt.try_response(request);
      if (!response) continue;
      trip.record_end(*response);
      if (*response && trip.goes_elsewhere(**response)) break;
      if (*response) co_return attempt.attach(std::move(**response));
      if (!trip.may_repeat(attempt, response->error())) co_return std::move(*response);
      break;  // the connection of the attempt is of no further use
    }
    if (trip.pause() > io::Duration::zero()) co_await sleep_for(trip.pause());
  }
}

}  // namespace onehop::transport
