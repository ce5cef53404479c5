// SPDX-License-Identifier: Apache-2.0
//
// Runs the whole proxy between fuzzed peers: HTTP/1 and HTTP/2 clients and backends act as a script
// says, and time passes. The proxy's output is compared with its input, and its memory with
// docs/operating.md; afterwards it must not hold any. Input: four bytes of options, then a script
// (session/script.hpp).

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "head_fuzz.hpp"
#include "session/backends.hpp"
#include "session/clients.hpp"
#include "session/memory_bound.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;      // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kOptions = 4;
constexpr std::size_t kClients = 3;  // at a time
constexpr int kMaxRounds = 1000;     // of polite peers finishing what they began
// Less than the default of Transport::Options.
constexpr std::size_t kReplayed = std::size_t{32} * 1024;
constexpr std::size_t kCeiling = std::size_t{1} << 20U;

struct Options {
  explicit Options(std::string_view input) noexcept : data(input) {}
  bool has(std::size_t byte, unsigned bit) const noexcept {
    return ((static_cast<std::uint8_t>(data[byte]) >> bit) & 1U) != 0;
  }
  bool client_is_h2(std::size_t index) const { return has(0, 0) != (has(2, 0) && index % 2 == 1); }
  bool backend_is_h2() const noexcept { return has(0, 1); }
  bool is_polite() const noexcept { return has(0, 2); }
  bool is_generous() const noexcept { return has(0, 5) || is_polite(); }
  Windows windows(bool of_client) const noexcept {
    if (of_client ? has(2, 7) : has(3, 2)) return Windows::shut;
    return is_generous() ? Windows::wide : Windows::usual;
  }
  bool has_authentication() const noexcept {
    // HTTP/2 has no upgrades, and a request for an upgrade gets an error.
    return has(2, 4) && !(is_polite() && backend_is_h2());
  }
  std::size_t ceiling() const noexcept { return has(2, 6) && !is_polite() ? kCeiling : 0; }
  bool has_scenes() const noexcept { return has(3, 7); }
  // The backend may refuse new connections for a while; existing connections continue.
  bool backend_restarts() const noexcept { return has(2, 1); }

  Server::Options server() const;
  Transport::Options transport(testing::Network& network) const;
  ReverseProxy::Options proxy() const;

  std::string_view data;
};

Server::Options Options::server() const {
  Server::Options server;
  server.log = [](LogLevel, std::string_view) {};
  server.max_memory = ceiling();
  if (!has(0, 7) || is_polite()) return server;
  server.max_body = 5000;
  server.max_header_bytes = 2000;
  server.max_streams = 3;
  server.stream_window = 65535;
  server.connection_window = 100'000;
  return server;
}

Transport::Options Options::transport(testing::Network& network) const {
  Transport::Options transport = network.transport_options();
  if (has(0, 6)) {
    transport.max_connections = 2;
    transport.queue_timeout = 5s;
    if (is_polite()) transport.queue_timeout = no_limit;
  }
  if (has(1, 1)) transport.pool_size = 0;
  if (has(1, 2)) transport.replay_body = 0;
  if (has(1, 3)) transport.expect_continue_timeout = 0s;
  if (has(1, 6)) transport.retry_budget = 1;
  if (backend_restarts()) transport.hold = is_polite() ? 1h : 3s;
  if (has(2, 2)) transport.max_connection_requests = 2;
  if (has(2, 3)) transport.max_connection_age = 2s;
  if (is_polite()) return transport;
  if (has(1, 0)) transport.response_timeout = 10s;
  if (has(1, 5)) transport.activity_timeout = 10s;
  if (has(1, 7)) transport.max_response_header_bytes = 1000;
  return transport;
}

ReverseProxy::Options Options::proxy() const {
  ReverseProxy::Options proxy;
  const Url target = backend_is_h2() ? "h2c://backend:80"_url : "http://backend:80"_url;
  proxy.rewrite = [target](ProxyRequest& request) { request.set_url(target); };
  if (has(0, 3)) proxy.trust = {"192.0.2.0/24"};
  if (has(0, 4)) proxy.flush = FlushPolicy::immediate;
  return proxy;
}

class World {
 public:
  explicit World(std::string_view input);
  void run(Script script);

 private:
  void act(const Action& action);
  Peer* client(std::size_t slot);
  void connect(std::size_t slot);
  void accept();
  void restart();
  void finish_politely();
  void check();
  void check_memory();

  Options options_;
  Ledger ledger_;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<const ReverseProxy> proxy_;
  std::vector<std::unique_ptr<H1Client>> h1_clients_;
  std::vector<std::unique_ptr<H2Client>> h2_clients_;
  std::vector<std::unique_ptr<Peer>> backends_;
  std::vector<Peer*> clients_;  // all of them
  Peer* slots_[kClients] = {};
  bool backend_listens_ = true;
};

World::World(std::string_view input) : options_(input), ledger_(input) {
  ledger_.is_polite = options_.is_polite();
  ledger_.has_scenes = options_.has_scenes();
  ledger_.has_authentication = options_.has_authentication();
  if (ledger_.is_polite && !ledger_.has_scenes) ledger_.max_content = 4096;
  if (!options_.has(1, 2)) ledger_.max_replayed = kReplayed;
  network_.listen("backend:80");
  transport_ = std::make_shared<Transport>(options_.transport(network_));
  ReverseProxy::Options proxy = options_.proxy();
  proxy.transport = transport_;
  proxy_ = std::make_shared<ReverseProxy>(std::move(proxy));
}

void World::connect(std::size_t slot) {
  const std::size_t index = clients_.size();
  Server::Options server = options_.server();
  server.on_exchange_end = [this, index](const ExchangeRecord& exchange) {
    ledger_.records(index).emplace_back(exchange);
  };
  const std::string address = "front" + std::to_string(index) + ":80";
  network_.serve(address, proxy_, server);
  testing::Wire wire = network_.connect(address);
  if (options_.client_is_h2(index)) {
    h2_clients_.push_back(
        std::make_unique<H2Client>(ledger_, index, std::move(wire), options_.windows(true)));
    slots_[slot] = h2_clients_.back().get();
  } else {
    h1_clients_.push_back(std::make_unique<H1Client>(ledger_, index, std::move(wire)));
    slots_[slot] = h1_clients_.back().get();
  }
  clients_.push_back(slots_[slot]);
}

Peer* World::client(std::size_t slot) {
  const bool gone = slots_[slot] && slots_[slot]->has_left();
  // No connection is accepted while memory is short.
  const bool accepts = clients_.size() < Ledger::kPeers && !memory_is_short();
  if ((!slots_[slot] || gone) && accepts) connect(slot);
  return slots_[slot];
}

void World::accept() {
  while (backends_.size() < transport_->statistics().dialled) {
    testing::Wire wire = network_.accept("backend:80");
    const std::size_t index = backends_.size();
    if (options_.backend_is_h2()) {
      backends_.push_back(
          std::make_unique<H2Backend>(ledger_, index, std::move(wire), options_.windows(false)));
    } else {
      backends_.push_back(std::make_unique<H1Backend>(ledger_, index, std::move(wire)));
    }
  }
}

void World::restart() {
  backend_listens_ = !backend_listens_;
  if (backend_listens_) {
    network_.listen("backend:80");
  } else {
    network_.refuse("backend:80");
  }
}

void World::act(const Action& action) {
  const std::size_t who = action.kind & 7U;
  if (options_.is_polite() && who != 7 && is_rude(action, options_.has_scenes())) return;
  if (who < kClients) {
    if (Peer* peer = client(who)) peer->act(action);
  } else if (who < 7) {
    if (backends_.empty()) return;
    backends_[backends_.size() - 1 - (who - kClients) % backends_.size()]->act(action);
  } else if (options_.backend_restarts() && (action.kind & 8U) != 0) {
    restart();
  } else {
    // Up to half an hour; polite peers are never late.
    const unsigned power = action.choice % (options_.is_polite() ? 9U : 22U);
    network_.advance(std::chrono::milliseconds(std::uint64_t{1} << power));
  }
  accept();
  check_memory();
}

void World::finish_politely() {
  if (!backend_listens_) restart();
  for (Peer* peer : clients_)
    peer->take_all();
  int idle = 0;
  std::uint64_t received = 0;
  for (int round = 0; idle < 2; ++round) {
    ONEHOP_CHECK(round < kMaxRounds);
    bool busy = false;
    for (Peer* peer : clients_)
      busy = peer->finish() || busy;
    accept();
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      backends_[i]->take_all();
      busy = backends_[i]->finish() || busy;
      accept();
    }
    // A request with Expect: 100-continue first waits for 1 s.
    std::uint64_t now = 0;
    for (const Peer* peer : clients_)
      now += peer->taken();
    for (const auto& each : backends_)
      now += each->taken();
    busy = std::exchange(received, now) != now || busy;
    idle = busy ? 0 : idle + 1;
    if (!busy) network_.advance(2s);
  }
}

void World::check_memory() {
  Load load;
  load.ceiling = options_.ceiling();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const bool is_h2 = options_.client_is_h2(i);
    const std::size_t ended = ledger_.records(i).size();
    const std::size_t begun = clients_[i]->begun();
    std::size_t requests = begun > ended ? begun - ended : 0;
    if (!is_h2) requests = std::min<std::size_t>(requests, 1);
    if (clients_[i]->has_left() && requests == 0) continue;
    (is_h2 ? load.h2_connections : load.h1_connections) += 1;
    (is_h2 ? load.client_streams : load.requests) += requests;
  }
  load.requests += load.client_streams;
  load.bodies = load.interims = load.requests;
  const std::size_t open = transport_->statistics().open;
  (options_.backend_is_h2() ? load.h2_connections : load.h1_connections) += open;
  if (options_.backend_is_h2()) load.backend_streams = load.requests;
  if (options_.backend_is_h2() || load.client_streams > 0) load.from_h2 = ledger_.content_said();
  check_held(load);
}

void World::run(Script script) {
  while (const auto action = script.next())
    act(*action);
  if (options_.is_polite()) {
    finish_politely();
    for (Peer* peer : clients_)
      peer->receive();
    for (const auto& each : h1_clients_)
      each->check_answered();
    for (const auto& each : h2_clients_)
      each->check_answered();
  }
  check();
}

// All peers leave, after which the proxy must not hold anything.
void World::check() {
  const bool backends_first = options_.has(3, 0);
  if (backends_first) {
    for (const auto& each : backends_)
      each->close();
    network_.advance(2min);
    accept();
  }
  // A client that closes after pipelined requests may still want the responses.
  const bool clients_reset = options_.has(3, 1);
  bool all_gone = clients_reset || h1_clients_.empty();
  for (const auto& each : h1_clients_)
    all_gone = all_gone && !each->has_left();
  for (Peer* peer : clients_)
    peer->close(clients_reset);
  for (const auto& each : backends_)
    each->receive();
  network_.advance(10min);
  accept();  // the requests that a client held back until it closed
  if (all_gone) ONEHOP_CHECK(transport_->statistics().open == 0);
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    backends_[i]->close();
    network_.advance(10min);
    accept();  // retried requests
  }
  ONEHOP_CHECK(transport_->statistics().open == 0 && transport_->statistics().idle == 0);
  for (Peer* peer : clients_)
    peer->check();
  for (const auto& each : backends_)
    each->check();
  ledger_.check_arrivals();
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.size() < kOptions) return;
  run_and_check_memory([&] {
    World world(input);
    world.run(Script(input.substr(kOptions)));
  });
}

}  // namespace onehop::fuzz
