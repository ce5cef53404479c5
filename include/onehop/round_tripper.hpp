// SPDX-License-Identifier: Apache-2.0
//
// RoundTripper: turns a request into a response. Transport is the one that uses the network; wrap
// it or replace it. const, because every core calls the same object at once.
#pragma once

#include <onehop/handler.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <memory>

namespace onehop {

class RoundTripper {
 public:
  RoundTripper() = default;
  virtual ~RoundTripper() = default;

  // Any status is success; an Error means that no response was obtained. The request's url() is
  // absolute and says where to go; its Host field says what to ask for. Does not interpret the
  // response: no redirects, no cookies, no decoding. The body is consumed or dropped on every path.
  // Returns before the response's body is read; that body keeps the connection, and dropping it
  // early closes the connection or resets the stream. The request may still be sending meanwhile.
  virtual task<Result<Response>> round_trip(Request request) const = 0;

 protected:
  RoundTripper(const RoundTripper&) = default;
  RoundTripper(RoundTripper&&) = default;
  RoundTripper& operator=(const RoundTripper&) = default;
  RoundTripper& operator=(RoundTripper&&) = default;
};

// Calls `handler` as if it were an upstream: no sockets. For tests and for composition. Throws
// std::invalid_argument if it is null.
std::shared_ptr<const RoundTripper> round_tripper_over(std::shared_ptr<const Handler> handler);

}  // namespace onehop
