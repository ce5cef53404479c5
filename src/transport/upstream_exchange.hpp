// SPDX-License-Identifier: Apache-2.0
//
// UpstreamExchange: what a round trip asks of an exchange, whichever version of HTTP it speaks. A
// concept, not an interface: the calls are direct.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/held_memory.hpp"
#include "base/poll.hpp"
#include "transport/resend.hpp"

#include <concepts>
#include <memory>
#include <optional>

namespace onehop::transport {

template <class E>
concept UpstreamExchange =
    requires(E exchange, Request& request, HeldString* copy, Response response) {
      // Sends the request, whose body is taken over, as far as that goes without waiting; the rest
      // is sent while the response is awaited. `copy`, if not null, receives what is sent of the
      // body, up to replay_body bytes; it outlives the wait for the response.
      { exchange.begin(request, copy) } -> std::same_as<void>;
      // The final response, or why there is none; std::nullopt if wait_for_response() must be
      // awaited, and its result passed to on_wait(), first. The response has no body yet.
      { exchange.try_response(request) } -> std::same_as<Poll<Response>>;
      // False if the request cannot be sent: nothing would end the wait.
      { exchange.may_wait() } -> std::same_as<bool>;
      { exchange.wait_for_response() };
      // After a failure: what the upstream may have done with the request, and its body as it was.
      { exchange.delivery() } -> std::same_as<Delivery>;
      { exchange.take_body_back(HeldString()) } -> std::same_as<std::optional<Body>>;
      // After a response: gives it the exchange as its body or tunnel, unless it is complete.
      { E::attach(std::move(response), std::unique_ptr<E>()) } -> std::same_as<Response>;
    };

}  // namespace onehop::transport
