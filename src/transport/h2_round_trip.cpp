// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_round_trip.hpp"

#include "base/arena.hpp"
#include "base/promised_memory.hpp"
#include "http/h2/error_code.hpp"
#include "transport/connect_retry.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/h2_origin.hpp"

#include <utility>

namespace onehop::transport {
namespace {

void record_attempt(ConnectionPool& pool, Request& request, const H2Connection& connection) {
  ExchangeRecord* record = request.record();
  if (!record) return;
  ++record->attempts;
  record->reused = connection.is_reused();
  record->upstream_chosen = pool.context().reactor().now();
  record->upstream = request.headers().arena()->copy(connection.address());
}

// RFC 9113 §7: the request was not served, because it came over HTTP/2.
bool wants_http1(const Error& error) {
  return h2::code_of(error) == h2::ErrorCode::http_1_1_required;
}

// What the caller gets, once the head is there.
Response finished(Response response, std::unique_ptr<H2Exchange> exchange) {
  if (exchange->is_tunnel()) {
    response.set_tunnel(H2Exchange::tunnel_of(std::move(exchange)));
  } else if (!exchange->is_complete() || exchange->has_unread_trailers()) {
    response.body() = Body::from(std::move(exchange));
  }
  return response;
}

}  // namespace

task<std::optional<Result<Response>>> h2_round_trip(ConnectionPool& pool,
                                                    Request& request,
                                                    Resend& resend) {
  H2Origin& origin = pool.h2_origin(request.url());
  const OriginUse::Ref ref(origin.use());
  const auto need =
      H2Exchange::asks_for_tunnel(request) ? H2Origin::Need::settings : H2Origin::Need::room;
  ConnectRetry retry(pool.context());
  // Until there is a stream: many requests may wait for one.
  MemoryPromise claim(kStreamWindow);
  const bool has_http1 = request.url().scheme() == "https";
  for (int attempt = 1;; ++attempt) {
    if (attempt > 1 && !origin.speaks_http2()) co_return std::nullopt;
    H2Connection* connection = origin.try_take(need);
    while (!connection) {
      auto taken = co_await origin.take(need, resend.began());
      if (taken) {
        connection = *taken;
        if (!connection) co_return std::nullopt;
        break;
      }
      const auto pause = retry.pause_after(taken.error());
      if (!pause) {
        if (ExchangeRecord* record = request.record()) ++record->attempts;
        co_return failure(taken.error());
      }
      co_await sleep_for(*pause);
    }
    if (!resend.is_repeatable() && !connection->takes_requests_after_a_look()) continue;
    auto exchange = std::make_unique<H2Exchange>(*connection, request);
    record_attempt(pool, request, *connection);
    if (connection->is_reused()) pool.context().counters().reused.add(1);
    HeldString copy;
    HeldString* const kept = pool.context().options().replay_body > 0 ? &copy : nullptr;
    std::optional<Result<Response>> response;
    if (auto begun = exchange->begin(request, kept); !begun) response = failure(begun.error());
    claim.redeem();  // the session has made it its own
    while (!response) {
      const bool told = co_await exchange->wait_for_response();
      exchange->on_wait(told);
      response = exchange->try_response(request);
    }
    if (*response) co_return finished(std::move(**response), std::move(exchange));
    const bool to_http1 = wants_http1(response->error());
    if (to_http1 && !has_http1) co_return response;
    // A connection that others use as well is lost for their reasons, too.
    constexpr bool kMayBeStale = true;
    if (!resend.take_back(*exchange, response->error(), kMayBeStale, std::move(copy))) {
      co_return response;
    }
    if (to_http1) co_return std::nullopt;
    exchange.reset();
    if (resend.pause() > io::Duration::zero()) co_await sleep_for(resend.pause());
  }
}

}  // namespace onehop::transport
