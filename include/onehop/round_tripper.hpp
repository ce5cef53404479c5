// SPDX-License-Identifier: Apache-2.0
//
// RoundTripper sends a request and returns the response. Transport is the RoundTripper that uses
// the network; programs can wrap or replace it. round_trip() is const because all workers call the
// same object at the same time.
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
  // no response. The request's url() is absolute and names the server to connect to; its Host field
  // names the host to ask for. The response is not interpreted: no redirects, cookies or decoding.
  // The request's body is read or dropped in every case. round_trip() completes before the
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
