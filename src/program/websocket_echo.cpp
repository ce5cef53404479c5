// SPDX-License-Identifier: Apache-2.0
#include "program/websocket_echo.hpp"

#include <onehop/event.hpp>

#include "http/websocket_handshake.hpp"
#include "program/websocket_frames.hpp"

#include <memory>
#include <string>
#include <utility>

namespace onehop::program {
namespace {

class EchoTunnel final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    while (answer_.empty() && !has_ended()) {
      has_message_.reset();
      auto waiting = has_message_.wait();
      co_await std::move(waiting);
    }
    delivered_ = std::exchange(answer_, {});
    has_room_.set();
    co_return bytes(delivered_);
  }

  task<Result<void>> write(bytes data) override {
    // Makes a client that only sends wait until it has read its messages.
    while (answer_.size() > kMaxUndelivered) {
      has_room_.reset();
      auto waiting = has_room_.wait();
      co_await std::move(waiting);
    }
    // Ignores data that was in flight when the close frame was sent; much more of it is an attack.
    if (frames_.has_ended()) ignored_ += data.size();
    if (ignored_ > kMaxUndelivered) co_return failure(Errc::closed, Side::client);
    frames_.receive(data, answer_);
    has_message_.set();
    co_return Result<void>();
  }

  void close_write() override {
    client_closed_ = true;
    has_message_.set();
  }

 private:
  static constexpr std::size_t kMaxUndelivered = WebSocketFrames::kLargestMessage;

  bool has_ended() const { return client_closed_ || frames_.has_ended(); }

  WebSocketFrames frames_;
  std::string answer_;     // not yet read
  std::string delivered_;  // the data that the last read returned
  std::size_t ignored_ = 0;
  bool client_closed_ = false;
  Event has_message_;  // for read(): a message, or the end
  Event has_room_;     // for write()
};

}  // namespace

Response websocket_echo(const Request& request) {
  if (!is_websocket_handshake(request)) {
    Response refusal(Status::upgrade_required,
                     "This is a WebSocket: connect with a WebSocket client.\n");
    refusal.headers().set("Content-Type", "text/plain; charset=utf-8");
    refusal.headers().set("Upgrade", "websocket");
    return refusal;
  }
  Response response(Status::switching_protocols);
  response.headers().set("Upgrade", "websocket");
  response.headers().set("Sec-WebSocket-Accept",
                         websocket_accept(request.headers().get_or_empty("Sec-WebSocket-Key")));
  response.set_tunnel(std::make_unique<EchoTunnel>());
  return response;
}

}  // namespace onehop::program
