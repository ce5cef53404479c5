// SPDX-License-Identifier: Apache-2.0
//
// H2BodySender: pulls a body and gives it to a stream of HTTP/2, no faster than the peer takes it.
// Both roles use it: responses in the server, requests in the transport. Lives beside the stream.
#pragma once

#include <onehop/body.hpp>

#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "wire/h2_link.hpp"

namespace onehop::wire {

class H2BodySender {
 public:
  explicit H2BodySender(h2::Stream& stream, io::Reactor& reactor) noexcept
      : stream_(stream), room_(reactor) {}

  // To the body's end, trailers included. Everything has been given to the stream when it returns;
  // nothing else may have gone out. Errors carry the side they came from.
  task<Result<void>> send(H2Link& link, Body& body, BodyProgress& progress);
  // Returns when the stream has little left to send; errors when it is no longer open.
  task<Result<void>> wait_for_room(H2Link& link);
  // So much is kept for a peer that does not take it.
  bool is_full() const noexcept;
  // From Stream::on_news().
  void on_news() noexcept;

 private:
  h2::Stream& stream_;
  io::Event room_;
};

}  // namespace onehop::wire
