// SPDX-License-Identifier: Apache-2.0
//
// Runs a WebSocket through the whole proxy, between HTTP/1 and HTTP/2 peers that send, read,
// half-close and leave as the input says. Bytes of one peer arrive at the other in order, and
// completely unless a peer fails; once a peer has left, no part of the tunnel remains. The proxy's
// memory stays within docs/operating.md, and is zero afterwards. Input: a byte of options, an
// optional byte of scenes, then pairs of bytes: the action and its size.

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/websocket_handshake.hpp"
#include "session/h1_messages.hpp"
#include "session/memory_bound.hpp"
#include "session/tunnel_ends.hpp"
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

constexpr int kQuietRounds = 3;  // after this many rounds without input, no more bytes arrive
constexpr int kMaxRounds = 500;
constexpr std::size_t kCeiling = std::size_t{1} << 20U;
// Fewer than --max-informational.
constexpr int kHints = 60;

struct Options {
  explicit Options(std::string_view& input) : byte(take_byte(input)) {
    if (has_scenes() && !input.empty()) scenes = take_byte(input);
  }
  static bool bit(unsigned byte, unsigned number) noexcept { return ((byte >> number) & 1U) != 0; }

  bool client_is_h2() const noexcept { return bit(byte, 0); }
  bool backend_is_h2() const noexcept { return bit(byte, 1); }
  bool is_generous() const noexcept { return !bit(byte, 2); }
  // Whether there are more kinds of actions.
  bool has_scenes() const noexcept { return bit(byte, 3); }
  // The number of 1xx before the tunnel.
  int hints() const noexcept { return bit(scenes, 2) ? kHints : 0; }
  std::size_t size_of_hints() const noexcept { return bit(scenes, 3) ? 1000 : 5; }
  std::size_t ceiling() const noexcept { return bit(scenes, 4) ? kCeiling : 0; }

  Windows windows(bool of_client) const noexcept {
    if (bit(scenes, of_client ? 0 : 1)) return Windows::shut;
    return is_generous() ? Windows::wide : Windows::usual;
  }

  unsigned byte;
  unsigned scenes = 0;
};

struct Ended {
  Outcome outcome;
  std::uint64_t from_client;
  std::uint64_t to_client;
};

class World {
 public:
  explicit World(const Options& options);
  void run(std::string_view script);

 private:
  void connect_h1();
  void connect_h2();
  void accept();
  void accept_h1();
  void accept_h2();
  void act(std::uint8_t what, std::uint8_t amount);
  void act_in_scene(TunnelEnd& end, unsigned what, std::uint8_t amount);
  void wait(std::chrono::milliseconds time);
  void read_all();
  void check_whole();
  void check_failed();
  void check_memory();

  const Options options_;
  // Less than Server::Options::write_timeout, for peers that keep a window closed all the time.
  std::chrono::milliseconds patience_ = 40s;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
  std::optional<Ended> ended_;
  std::unique_ptr<TunnelEnd> client_;
  std::unique_ptr<TunnelEnd> backend_;
};

World::World(const Options& options) : options_(options) {
  network_.listen("backend:80");
  transport_ = std::make_shared<Transport>(network_.transport_options());
  ReverseProxy::Options proxy;
  const Url target = options_.backend_is_h2() ? "h2c://backend:80"_url : "http://backend:80"_url;
  proxy.rewrite = [target](ProxyRequest& request) { request.set_url(target); };
  proxy.transport = transport_;
  Server::Options server;
  server.log = [](LogLevel, std::string_view) {};
  server.max_memory = options_.ceiling();
  server.on_exchange_end = [this](const ExchangeRecord& exchange) {
    ONEHOP_CHECK(!ended_);
    ended_.emplace(exchange.outcome, exchange.request_body, exchange.response_body);
  };
  network_.serve("front:80", std::make_shared<ReverseProxy>(std::move(proxy)), server);
  if (options_.client_is_h2()) {
    connect_h2();
  } else {
    connect_h1();
  }
  ONEHOP_CHECK(client_->hints == options_.hints());
}

void World::connect_h1() {
  auto client = std::make_unique<H1TunnelEnd>("client", network_.connect("front:80"));
  client->send_head(
      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  accept();
  ONEHOP_CHECK(client->take_head().starts_with("HTTP/1.1 101 "));
  client_ = std::move(client);
}

void World::connect_h2() {
  auto client = std::make_unique<H2TunnelEnd>("client", network_.connect("front:80"),
                                              h2_frames::kPreface, options_.windows(true));
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
  if (options_.backend_is_h2()) {
    accept_h2();
  } else {
    accept_h1();
  }
}

void World::accept_h1() {
  auto backend = std::make_unique<H1TunnelEnd>("backend", network_.accept("backend:80"));
  const std::string head = backend->take_head();
  std::string_view rest = head;
  const H1Message request = take_request(rest);
  const std::string_view key = request.headers.get_or_empty("Sec-WebSocket-Key");
  std::string answer;
  for (int i = 0; i < options_.hints(); ++i) {
    answer += "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(options_.size_of_hints(), 'l') +
              "\r\n\r\n";
  }
  backend->send_head(
      answer +
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(key) + "\r\n\r\n");
  backend_ = std::move(backend);
}

void World::accept_h2() {
  auto backend = std::make_unique<H2TunnelEnd>("backend", network_.accept("backend:80"), "",
                                               options_.windows(false));
  ONEHOP_CHECK(backend->take_head().field(":protocol") == "websocket");
  const std::string link(options_.size_of_hints(), 'l');
  for (int i = 0; i < options_.hints(); ++i)
    backend->send_head(h2_frames::block({{":status", "103"}, {"link", link}}));
  backend->send_head(h2_frames::block({{":status", "200"}}));
  backend_ = std::move(backend);
}

void World::act(std::uint8_t what, std::uint8_t amount) {
  TunnelEnd& end = (what & 1U) != 0 ? *backend_ : *client_;
  if (options_.has_scenes() && (what & 0x10U) != 0) return act_in_scene(end, what >> 5U, amount);
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

void World::act_in_scene(TunnelEnd& end, unsigned what, std::uint8_t amount) {
  switch (what) {
    case 0:
      return end.open(1, (amount & 1U) != 0);
    case 1:
      return end.open(amount * 100U, (amount & 1U) != 0);
    case 2:
      return end.limit(amount % 8U);
    case 3:
      return end.limit(amount * std::size_t{100});
    case 4:
      return end.announce_end((amount & 1U) != 0);
    case 5:
      // Refuses rarely, because that ends the run.
      if (amount % 8U == 0) end.refuse();
      return;
    default:
      return end.say(amount * std::size_t{1000});
  }
}

void World::wait(std::chrono::milliseconds time) {
  if (!options_.is_generous() || options_.has_scenes()) time = std::min(time, patience_);
  patience_ -= time;
  for (; time > 0ms; time -= 5s) {
    network_.advance(std::min<std::chrono::milliseconds>(time, 5s));
    client_->keep_alive();
    backend_->keep_alive();
  }
}

void World::read_all() {
  std::size_t before = 0;
  for (int round = 0, quiet = 0; quiet < kQuietRounds; ++round) {
    ONEHOP_CHECK(round < kMaxRounds);
    for (TunnelEnd* const each : {client_.get(), backend_.get()}) {
      each->open_all();
      each->read();
    }
    network_.advance(100ms);
    check_memory();
    const std::size_t now = client_->heard.size() + backend_->heard.size();
    quiet = std::exchange(before, now) == now ? quiet + 1 : 0;
  }
}

void World::check_whole() {
  client_->end();
  backend_->end();
  read_all();
  for (const TunnelEnd* each : {client_.get(), backend_.get()}) {
    ONEHOP_CHECK(each->heard_end && !each->heard_failure);
  }
  ONEHOP_CHECK(backend_->heard == tunnel_text(0, client_->said()));
  ONEHOP_CHECK(client_->heard == tunnel_text(0, backend_->said()));
  ONEHOP_CHECK(ended_ && ended_->outcome == Outcome::complete);
  ONEHOP_CHECK(ended_->from_client == client_->said() && ended_->to_client == backend_->said());
}

// The other peer sends nothing and need not.
void World::check_failed() {
  network_.advance(2s);
  // An HTTP/2 client that does not read cannot learn that its stream has ended, nor can a client
  // whose socket is full. The client must still get all bytes that the backend sent before its end.
  const bool reads = !options_.client_is_h2() && !options_.has_scenes();
  ONEHOP_CHECK(ended_ || !reads || (backend_->has_ended() && !client_->left()));
  read_all();
  ONEHOP_CHECK(ended_);
  for (const TunnelEnd* each : {client_.get(), backend_.get()}) {
    ONEHOP_CHECK(each->left() || each->heard_end || each->heard_failure);
  }
  ONEHOP_CHECK(backend_->heard == tunnel_text(0, backend_->heard.size()));
  ONEHOP_CHECK(client_->heard == tunnel_text(0, client_->heard.size()));
  ONEHOP_CHECK(backend_->heard.size() <= client_->said());
  ONEHOP_CHECK(client_->heard.size() <= backend_->said());
}

void World::check_memory() {
  Load load;
  (options_.client_is_h2() ? load.h2_connections : load.h1_connections) += 1;
  (options_.backend_is_h2() ? load.h2_connections : load.h1_connections) += 1;
  load.requests = load.tunnels = 1;
  if (options_.hints() > 0) load.interims = 1;
  if (options_.client_is_h2()) {
    load.client_streams = 1;
    load.from_h2 += client_->said();
  }
  if (options_.backend_is_h2()) {
    load.backend_streams = 1;
    load.from_h2 += backend_->said();
  }
  load.ceiling = options_.ceiling();
  check_held(load);
}

void World::run(std::string_view script) {
  check_memory();
  for (; script.size() >= 2; script.remove_prefix(2)) {
    act(static_cast<std::uint8_t>(script[0]), static_cast<std::uint8_t>(script[1]));
    check_memory();
  }
  if (client_->left() || backend_->left()) {
    check_failed();
  } else {
    check_whole();
  }
  if (!options_.backend_is_h2()) ONEHOP_CHECK(transport_->statistics().open == 0);
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const Options options(input);
  const std::string_view script = input.substr(0, 200);
  run_and_check_memory([&] {
    World world(options);
    world.run(script);
  });
}

}  // namespace onehop::fuzz
