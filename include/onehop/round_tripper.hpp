// SPDX-License-Identifier: Apache-2.0
//
// RoundTripper turns a request into a response. Transport is the one that uses the network; wrap it
// or replace it. round_trip() is const because all workers call the same object at once.
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

  // Sends the request and returns the response, whatever its status; an Error means that there was
  // no response. The request's url() is absolute and says where to connect; its Host field says
  // what to ask for. The response is not interpreted: no redirects, cookies or decoding. The
  // request's body is consumed or dropped in every case. round_trip() completes before the
  // response's body is read, and possibly before the request's body is sent. The response's body
  // owns the connection; dropping it early closes the connection or resets the stream.
  virtual task<Result<Response>> round_trip(Request request) const = 0;

 protected:
  RoundTripper(const RoundTripper&) = default;
  RoundTripper(RoundTripper&&) = default;
  RoundTripper& operator=(const RoundTripper&) = default;
  RoundTripper& operator=(RoundTripper&&) = default;
};

// Returns a RoundTripper that calls `handler` instead of an upstream, without sockets. Throws
// std::invalid_argument if `handler` is null.
std::shared_ptr<const RoundTripper> round_tripper_over(std::shared_ptr<const Handler> handler);

}  // namespace onehop
