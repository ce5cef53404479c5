// SPDX-License-Identifier: Apache-2.0
//
// Resend decides whether a request is sent again after an attempt has failed, or after a response
// whose status asks for that. Only this class decides it, over both versions of HTTP, with TLS and
// without. One per request. Thread: owner.
#pragma once

#include <onehop/request.hpp>

#include "base/held_memory.hpp"
#include "transport/pool_context.hpp"

#include <optional>
#include <utility>

namespace onehop::transport {

// How much of a failed request the upstream may have processed.
enum class Delivery : std::uint8_t {
  unsent,       // no byte of it has left this machine
  passed_over,  // a GOAWAY says that the upstream will not process it
  refused,      // REFUSED_STREAM or HTTP_1_1_REQUIRED says that it was not processed
  uncertain,    // some of it has left this machine, so it may have been processed
  answered,     // the upstream has begun to respond, or ended the stream for another reason
};

// How far the response to a request has come.
enum class Progress : std::uint8_t {
  waiting,     // nothing has arrived
  responding,  // some of it has arrived, perhaps only interim responses
  responded,   // the final head has arrived
};

// Reports whether the upstream cannot have acted on the request, so that it may be sent again
// whatever its method.
constexpr bool is_unprocessed(Delivery delivery) noexcept {
  return delivery == Delivery::unsent || delivery == Delivery::passed_over ||
         delivery == Delivery::refused;
}

// Reports whether sending the request twice does no harm: its method is idempotent (RFC 9110
// §9.2.2), or it has an Idempotency-Key.
bool is_repeatable(const Request& request);

class Resend {
 public:
  // `request` outlives it.
  Resend(PoolContext& pool, Request& request);

  // Returns when the request arrived here.
  net::Time began() const noexcept { return began_; }
  bool is_repeatable() const noexcept { return repeatable_; }

  // Where the request would be sent.
  enum class Target : std::uint8_t {
    same_again,      // to a place where a new connection has just failed
    new_connection,  // over a new connection: the failed one was used before, and may have been
                     // closed just as the request was sent
    elsewhere,       // to another endpoint
  };
  // Called after `exchange` has failed with `error`. Returns true if the request is to be sent
  // again; then it has its body back, and the retry is counted.
  template <class Exchange>
  bool take_back(Exchange& exchange, const Error& error, Target target, HeldString copy) {
    const Delivery delivery = exchange.delivery();
    if (!is_allowed(delivery, error, target)) return false;
    auto body = exchange.take_body_back(std::move(copy));
    if (!body || !is_affordable(delivery)) return false;
    request_.set_body(std::move(*body));
    count(delivery, target);
    return true;
  }
  // Called if the status of a complete response head means that another endpoint should serve the
  // request. Returns true if it is to be sent there; then the retry is counted. Destinations limits
  // how often.
  bool repeats_answered();
  // Reports whether, after the present attempt, only one more may reach the upstream.
  bool is_next_the_last() const noexcept;
  // Returns how long to wait before the request is sent again. It is 0 unless hold is set and the
  // upstream accepts connections and then ends them.
  net::Duration pause() const noexcept { return pause_; }

 private:
  bool is_allowed(Delivery delivery, const Error& error, Target target) const noexcept;
  bool is_affordable(Delivery delivery);
  bool is_held() const noexcept;
  void count(Delivery delivery, Target target) noexcept;

  PoolContext& pool_;
  Request& request_;
  net::Time began_;
  net::Duration pause_{};
  bool repeatable_;
  bool had_no_content_;
  int never_reached_ = 0;  // attempts that ended unsent or passed over
  int reached_ = 0;        // attempts that ended otherwise
};

}  // namespace onehop::transport
