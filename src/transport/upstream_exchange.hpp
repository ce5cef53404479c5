// SPDX-License-Identifier: Apache-2.0
//
// UpstreamExchange is the concept of an exchange that a round trip can use, whichever version of
// HTTP it speaks. It is a concept and not an interface so that the calls are direct.
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
      // Takes the body of the request, and sends as much of the request as is possible without
      // waiting; the rest is sent while the response is awaited. If `copy` is not null, the sent
      // part of the body is appended to it, up to replay_body bytes; it outlives the wait for the
      // response.
      { exchange.begin(request, copy) } -> std::same_as<void>;
      // Returns the final response, which has no body yet, or the reason why there is none. If it
      // returns std::nullopt, wait_for_response() must be awaited, and its result passed to
      // on_wait(), before the next call.
      { exchange.try_response(request) } -> std::same_as<Poll<Response>>;
      // False if the request cannot be sent, so that nothing would end the wait.
      { exchange.may_wait() } -> std::same_as<bool>;
      { exchange.wait_for_response() };
      // After a failure: how much of the request the upstream may have processed, and the original
      // body.
      { exchange.delivery() } -> std::same_as<Delivery>;
      { exchange.take_body_back(HeldString()) } -> std::same_as<std::optional<Body>>;
      // After a response: makes the exchange its body or tunnel, unless the exchange is complete.
      { E::attach(std::move(response), std::unique_ptr<E>()) } -> std::same_as<Response>;
    };

}  // namespace onehop::transport
