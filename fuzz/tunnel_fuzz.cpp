// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket through the whole proxy, between peers of either version of HTTP, which speak, read,
// close their half and leave as the input says. What one says arrives at the other, in order, and
// all of it unless somebody fails; when one has gone, nothing is left of the tunnel. Input: an
// octet of options, then pairs of octets: who does what, and how much of it.

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/websocket_handshake.hpp"
#include "session/h1_messages.hpp"
#include "session/h2_messages.hpp"
#include "session/h2_output.hpp"
#include "session/peer.hpp"
#include "support/h2_frames.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;      // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kStream = 1;
// In one direction: within the windows that the proxy opens at the beginning.
constexpr std::size_t kMost = 60'000;
constexpr int kRounds = 20;  // of reading, each of which opens windows

// No two neighbouring pieces look the same.
std::string text(std::size_t from, std::size_t size) {
  std::string octets(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    octets[i] = static_cast<char>('a' + (from + i) % 23);
  return octets;
}

// One end of the tunnel.
class End {
 public:
  End(const char* name, testing::Wire wire) : name_(name), wire_(std::move(wire)) {}
  virtual ~End() = default;

  void say(std::size_t size) {
    size = std::min(size, kMost - said_);
    if (ended_ || left_ || size == 0) return;
    trace(name_, 0, "says", std::to_string(size));
    send(text(said_, size), false);
    said_ += size;
  }
  void end() {
    if (ended_ || left_) return;
    trace(name_, 0, "closes its half", {});
    ended_ = true;
    send({}, true);
  }
  void read() {
    if (!left_) receive();
  }
  // What a connection of HTTP/2 wants now and then.
  virtual void keep_alive() {}
  void leave(bool whole_connection) {
    if (left_) return;
    trace(name_, 0, whole_connection ? "resets its connection" : "resets", {});
    left_ = true;
    if (whole_connection) {
      wire_.reset();
    } else {
      reset();
    }
  }

  bool has_ended() const noexcept { return ended_; }
  bool left() const noexcept { return left_; }
  std::size_t said() const noexcept { return said_; }
  // What has arrived here.
  std::string heard;
  bool heard_end = false;
  bool heard_failure = false;

 protected:
  virtual void send(std::string_view content, bool last) = 0;
  virtual void receive() = 0;
  virtual void reset() = 0;
  testing::Wire& wire() noexcept { return wire_; }

 private:
  const char* name_;
  testing::Wire wire_;
  std::size_t said_ = 0;
  bool ended_ = false;
  bool left_ = false;
};

class H1End final : public End {
 public:
  using End::End;
  // The message at the beginning: a request or a 101.
  std::string take_head() {
    octets_ += wire().receive();
    const std::size_t end = octets_.find("\r\n\r\n");
    ONEHOP_CHECK(end != std::string::npos);
    std::string head = octets_.substr(0, end + 4);
    octets_.erase(0, end + 4);
    return head;
  }
  void send_head(std::string_view head) { wire().send(head); }

 private:
  void send(std::string_view content, bool last) override {
    if (!content.empty()) wire().send(content);
    if (last) wire().close_write();
  }
  void receive() override {
    heard += std::exchange(octets_, {});
    heard += wire().receive();
    heard_failure = wire().was_reset();
    heard_end = wire().at_end() && !heard_failure;
  }
  void reset() override { wire().reset(); }

  std::string octets_;
};

class H2End final : public End {
 public:
  // `generous`: with windows that never close; else they open again when it reads.
  H2End(const char* name, testing::Wire wire, std::string_view preface, bool generous)
      : End(name, std::move(wire)) {
    this->wire().send(std::string(preface) + first_settings(generous));
  }
  H2Message& take_head() {
    take();
    H2Message& message = messages_.streams()[kStream];
    ONEHOP_CHECK(message.has_head());
    return message;
  }
  void keep_alive() override {
    if (!left()) take();
  }
  void send_head(std::string_view block) { wire().send(head_frames(kStream, false, block, false)); }

 private:
  void take() {
    messages_.receive(wire().receive());
    std::string answers = messages_.take_answers();
    for (const h2_frames::Frame& each : h2_frames::take_frames(answers)) {
      std::string& kind = each.type == h2_frames::window_update ? updates_ : replies_;
      kind += h2_frames::frame(each.type, each.flags, each.stream, each.payload);
    }
    if (!replies_.empty()) wire().send(std::exchange(replies_, {}));
  }
  void send(std::string_view content, bool last) override {
    wire().send(data_frames(kStream, content, last));
  }
  void receive() override {
    take();
    if (!updates_.empty()) wire().send(std::exchange(updates_, {}));
    const H2Message& message = messages_.streams()[kStream];
    heard = message.content;
    heard_end = message.ended;
    heard_failure = message.reset || (wire().at_end() && !message.ended);
  }
  void reset() override {
    wire().send(h2_frames::frame(h2_frames::rst_stream, 0, kStream, h2_frames::number(8, 4)));
  }

  H2Messages messages_;
  std::string replies_;
  std::string updates_;
};

struct Ended {
  Outcome outcome;
  std::uint64_t from_client;
  std::uint64_t to_client;
};

class World {
 public:
  explicit World(std::uint8_t options);
  void run(std::string_view script);

 private:
  void connect_h1();
  void connect_h2();
  void accept();
  void accept_h1();
  void accept_h2();
  void act(std::uint8_t what, std::uint8_t amount);
  void wait(std::chrono::milliseconds time);
  void read_all();
  void check_whole();
  void check_failed();

  bool client_is_h2_;
  bool backend_is_h2_;
  bool generous_;
  // Less than Server::Options::write_timeout, for who keeps a window closed all the time.
  std::chrono::milliseconds patience_ = 40s;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
  std::optional<Ended> ended_;
  std::unique_ptr<End> client_;
  std::unique_ptr<End> backend_;
};

World::World(std::uint8_t options)
    : client_is_h2_((options & 1U) != 0),
      backend_is_h2_((options & 2U) != 0),
      generous_((options & 4U) == 0) {
  network_.listen("backend:80");
  transport_ = std::make_shared<Transport>(network_.transport_options());
  ReverseProxy::Options proxy;
  const Url target = backend_is_h2_ ? "h2c://backend:80"_url : "http://backend:80"_url;
  proxy.rewrite = [target](ProxyRequest& request) { request.set_url(target); };
  proxy.transport = transport_;
  Server::Options server;
  server.log = [](LogLevel, std::string_view) {};
  server.on_exchange_end = [this](const Exchange& exchange) {
    ONEHOP_CHECK(!ended_);
    ended_.emplace(exchange.outcome, exchange.request_body, exchange.response_body);
  };
  network_.serve("front:80", std::make_shared<ReverseProxy>(std::move(proxy)), server);
  if (client_is_h2_) {
    connect_h2();
  } else {
    connect_h1();
  }
}

void World::connect_h1() {
  auto client = std::make_unique<H1End>("client", network_.connect("front:80"));
  client->send_head(
      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  accept();
  ONEHOP_CHECK(client->take_head().starts_with("HTTP/1.1 101 "));
  client_ = std::move(client);
}

void World::connect_h2() {
  auto client = std::make_unique<H2End>("client", network_.connect("front:80"), h2_frames::kPreface,
                                        generous_);
  client->send_head(h2_frames::block({{":method", "CONNECT"},
                                      {":protocol", "websocket"},
                                      {":scheme", "http"},
                                      {":authority", "h"},
                                      {":path", "/ws"},
                                      {"sec-websocket-version", "13"}}));
  accept();
  ONEHOP_CHECK(client->take_head().field(":status") == "200");
  client_ = std::move(client);
}

void World::accept() {
  if (backend_is_h2_) {
    accept_h2();
  } else {
    accept_h1();
  }
}

void World::accept_h1() {
  auto backend = std::make_unique<H1End>("backend", network_.accept("backend:80"));
  const std::string head = backend->take_head();
  std::string_view rest = head;
  const H1Message request = take_request(rest);
  const std::string_view key = request.headers.get_or_empty("Sec-WebSocket-Key");
  backend->send_head(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(key) + "\r\n\r\n");
  backend_ = std::move(backend);
}

void World::accept_h2() {
  auto backend = std::make_unique<H2End>("backend", network_.accept("backend:80"), "", generous_);
  ONEHOP_CHECK(backend->take_head().field(":protocol") == "websocket");
  backend->send_head(h2_frames::block({{":status", "200"}}));
  backend_ = std::move(backend);
}

void World::act(std::uint8_t what, std::uint8_t amount) {
  End& end = (what & 1U) != 0 ? *backend_ : *client_;
  switch ((what >> 1U) & 7U) {
    case 0:
      return end.read();
    case 1:
      return end.end();
    case 2:
      return end.leave((amount & 1U) != 0);
    case 3:
      return wait(std::chrono::milliseconds(1U << (amount % 22U)));
    case 4:
      return end.say(amount);
    default:
      return end.say(amount * std::size_t{100});
  }
}

void World::wait(std::chrono::milliseconds time) {
  if (!generous_) time = std::min(time, patience_);
  patience_ -= time;
  for (; time > 0ms; time -= 5s) {
    network_.advance(std::min<std::chrono::milliseconds>(time, 5s));
    client_->keep_alive();
    backend_->keep_alive();
  }
}

void World::read_all() {
  for (int round = 0; round < kRounds; ++round) {
    client_->read();
    backend_->read();
    network_.advance(100ms);
  }
}

void World::check_whole() {
  client_->end();
  backend_->end();
  read_all();
  for (const End* each : {client_.get(), backend_.get()}) {
    ONEHOP_CHECK(each->heard_end && !each->heard_failure);
  }
  ONEHOP_CHECK(backend_->heard == text(0, client_->said()));
  ONEHOP_CHECK(client_->heard == text(0, backend_->said()));
  ONEHOP_CHECK(ended_ && ended_->outcome == Outcome::complete);
  ONEHOP_CHECK(ended_->from_client == client_->said() && ended_->to_client == backend_->said());
}

// The other one says nothing, and need not.
void World::check_failed() {
  network_.advance(2s);
  // A client of HTTP/2 that does not read cannot be told that its stream is over. All that a
  // backend has said up to its end is still the client's.
  ONEHOP_CHECK(ended_ || client_is_h2_ || (backend_->has_ended() && !client_->left()));
  read_all();
  ONEHOP_CHECK(ended_);
  for (const End* each : {client_.get(), backend_.get()}) {
    ONEHOP_CHECK(each->left() || each->heard_end || each->heard_failure);
  }
  ONEHOP_CHECK(backend_->heard == text(0, backend_->heard.size()));
  ONEHOP_CHECK(client_->heard == text(0, client_->heard.size()));
  ONEHOP_CHECK(backend_->heard.size() <= client_->said());
  ONEHOP_CHECK(client_->heard.size() <= backend_->said());
}

void World::run(std::string_view script) {
  for (; script.size() >= 2; script.remove_prefix(2))
    act(static_cast<std::uint8_t>(script[0]), static_cast<std::uint8_t>(script[1]));
  if (client_->left() || backend_->left()) {
    check_failed();
  } else {
    check_whole();
  }
  if (!backend_is_h2_) ONEHOP_CHECK(transport_->statistics().open == 0);
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const std::uint8_t options = take_octet(input);
  World world(options);
  world.run(input.substr(0, 200));
}

}  // namespace onehop::fuzz
