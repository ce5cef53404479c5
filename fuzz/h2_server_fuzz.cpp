// SPDX-License-Identifier: Apache-2.0
//
// Runs a whole connection of an HTTP/2 client: frames arrive, a handler echoes the content, and the
// connection ends in some way, without a crash, leak or endless wait. Input: see FramesInput.

#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "frames_input.hpp"

namespace onehop::fuzz {
namespace {

std::shared_ptr<const Handler> echo() {
  static const auto handler = make_handler([](Request request) -> task<Response> {
    request.send_informational(Response(Status::early_hints));
    Body body = std::move(request.body());
    Response response(Status::ok, request.headers().clone(), std::move(body));
    co_return response;
  });
  return handler;
}

}  // namespace

void fuzz_one(std::string_view input) {
  constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  if (input.empty()) return;
  const FramesInput frames(input);
  testing::Network network;
  Server::Options options;
  options.max_streams = 4;
  options.max_header_bytes = 4096;
  options.on_exchange_end = [](const ExchangeRecord&) {};
  network.serve("h:80", echo(), options);
  testing::Wire wire = network.connect("h:80");
  wire.send(kPreface);
  wire.send(frames.before);
  wire.receive();
  network.advance(std::chrono::seconds(20));
  wire.send(frames.after);
  wire.send(frames.flood);
  wire.receive();
  wire.close_write();
  network.advance(std::chrono::minutes(10));
  ONEHOP_CHECK(wire.at_end() || !wire.receive().empty() || wire.at_end());
}

}  // namespace onehop::fuzz
