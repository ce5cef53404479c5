// SPDX-License-Identifier: Apache-2.0
#include <onehop/testing.hpp>

#include "io/reactor.hpp"
#include "net/dialer.hpp"
#include "net/memory_stream.hpp"
#include "server/worker.hpp"
#include "testing/driven_task.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <stdexcept>
#include <utility>

namespace onehop::testing {
namespace {

// The number of passes without ready events after which nothing more can happen at the current
// time.
constexpr int kQuietPasses = 2;
// How long run() waits for the result of another thread.
constexpr std::chrono::seconds kResultTimeout(10);

}  // namespace

struct Wire::State {
  State(io::Reactor& r, std::unique_ptr<net::Stream> s) : reactor(r), stream(std::move(s)) {}

  // Runs the network and moves bytes in both directions until neither has more to do.
  void settle();
  bool move();
  void take(std::string_view data) {
    received += data;
    if (!room.is_none()) room = room - data.size();
  }

  io::Reactor& reactor;
  std::unique_ptr<net::Stream> stream;
  std::string unsent;
  std::string received;
  Limit<std::size_t> room = no_limit;
  enum class Input : std::uint8_t { open, ended, reset };
  Input input = Input::open;
  bool close_after_sending = false;
};

namespace {

struct Place {
  std::unique_ptr<server::Worker> worker;  // null if a test accepts the connections
  std::string name;
  std::deque<std::unique_ptr<net::Stream>> waiting;
};

// Runs all tasks that are ready, and those that offloaded functions make ready, until none is left.
void settle(io::Reactor& reactor) {
  for (int quiet = 0; quiet < kQuietPasses;) {
    const bool waits = quiet > 0 && reactor.has_outside_work();
    const bool worked = reactor.run_once(waits ? io::Duration::max() : io::Duration::zero());
    quiet = worked || waits ? 0 : quiet + 1;
  }
}

}  // namespace

struct Network::State {
  // Connects to `address`; returns null if there is no listener.
  std::unique_ptr<net::Stream> connect(std::string_view address) {
    const auto found = places.find(address);
    if (found == places.end()) return nullptr;
    auto [near, far] = net::make_memory_pair(reactor);
    Place& place = found->second;
    if (place.worker) {
      const auto peer = net::Address::from_ip("192.0.2.1", 50'000);
      const bool with_tls = place.worker->has_tls();
      place.worker->adopt(std::move(far), server::AcceptedFrom(*peer, place.name), with_tls);
    } else {
      place.waiting.push_back(std::move(far));
    }
    return std::move(near);
  }

  io::Reactor reactor{io::Reactor::Clock::manual};
  std::map<std::string, Place, std::less<>> places;
};

namespace {

class MemoryDialer final : public Dialer {
 public:
  explicit MemoryDialer(Network::State& network) : network_(network) {}
  task<Result<DialledConnection>> dial(const DialTarget& target) const override {
    std::string address = target.socket_path;
    if (address.empty()) address = target.host + ":" + std::to_string(target.port);
    auto stream = network_.connect(address);
    if (!stream) co_return failure(Error::system(ECONNREFUSED, Side::upstream));
    auto dialled = std::make_unique<net::Dialled>(std::move(stream), std::move(address));
    co_return DialledConnection(std::move(dialled));
  }

 private:
  Network::State& network_;
};

}  // namespace

Network::Network() : state_(std::make_unique<State>()) {}

Network::~Network() {
  io::Reactor::Enter enter(state_->reactor);
  state_->places.clear();
}

void Network::serve(std::string address,
                    std::shared_ptr<const Handler> handler,
                    Server::Options options) {
  io::Reactor::Enter enter(state_->reactor);
  auto common = std::make_shared<server::ServerShared>();
  // The servers of a network do not divide the machine's memory among them.
  if (options.max_memory == 0) options.max_memory = no_limit;
  *common->settings.options = std::move(options);
  common->set_limits();
  common->admission.set_max_connections(std::size_t{1} << 30);
  for (const auto& made :
       {common->settings.make_trusted(), common->settings.make_tls(common->log_of_tls())}) {
    if (!made) throw std::invalid_argument(std::string(made.error().detail()));
  }
  Place& place = state_->places[address];
  place.name = std::move(address);
  place.worker =
      std::make_unique<server::Worker>(state_->reactor, std::move(common), std::move(handler));
}

void Network::listen(std::string address) {
  Place& place = state_->places[address];
  place.name = std::move(address);
}

void Network::refuse(std::string_view address) {
  io::Reactor::Enter enter(state_->reactor);
  const auto found = state_->places.find(address);
  if (found != state_->places.end()) state_->places.erase(found);
}

Wire Network::accept(std::string_view address) {
  settle(state_->reactor);
  const auto found = state_->places.find(address);
  if (found == state_->places.end() || found->second.waiting.empty()) {
    throw std::out_of_range("no connection is waiting at " + std::string(address));
  }
  auto stream = std::move(found->second.waiting.front());
  found->second.waiting.pop_front();
  return Wire(std::make_unique<Wire::State>(state_->reactor, std::move(stream)));
}

Wire Network::connect(std::string_view address) {
  io::Reactor::Enter enter(state_->reactor);
  auto stream = state_->connect(address);
  if (!stream) throw std::out_of_range("no server listens at " + std::string(address));
  return Wire(std::make_unique<Wire::State>(state_->reactor, std::move(stream)));
}

std::shared_ptr<const Dialer> Network::dialer() {
  return std::make_shared<MemoryDialer>(*state_);
}

Transport::Options Network::transport_options() {
  Transport::Options options;
  options.dialer = dialer();
  return options;
}

void Network::run_to_end(detail::Work& work) {
  io::Reactor::Enter enter(state_->reactor);
  io::Reactor& reactor = state_->reactor;
  DrivenTask driven(reactor, work);
  if (driven.start()) return;
  settle(reactor);
  const auto end = std::chrono::steady_clock::now() + kResultTimeout;
  while (!driven.has_ended() && reactor.awaits_result()) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= io::Duration::zero()) break;
    reactor.run_once(left);
    settle(reactor);
  }
  if (driven.has_ended()) return;
  throw std::runtime_error("the task waits for time to pass, for a wire, or for another thread");
}

void Network::advance(std::chrono::nanoseconds duration) {
  io::Reactor& reactor = state_->reactor;
  settle(reactor);
  const Time end = reactor.now() + duration;
  while (reactor.now() < end) {
    const auto next = reactor.timers().next();
    reactor.set_time(next && *next < end ? *next : end);
    settle(reactor);
  }
}

// --- wires -------------------------------------------------------------------------------------

Wire::Wire(std::unique_ptr<State> state) : state_(std::move(state)) {}
Wire::Wire(Wire&&) noexcept = default;
Wire& Wire::operator=(Wire&&) noexcept = default;
Wire::~Wire() {
  if (state_) close();
}

bool Wire::State::move() {
  if (!stream) return false;
  bool moved = false;
  while (!unsent.empty()) {
    const net::IoResult sent = stream->try_write(unsent.data(), unsent.size());
    if (!sent.has_bytes()) {
      if (!sent.is_wait()) unsent.clear();
      break;
    }
    unsent.erase(0, sent.count());
    moved = true;
  }
  if (unsent.empty() && std::exchange(close_after_sending, false)) {
    stream->close_write();
    moved = true;
  }
  char piece[4096];
  while (input == Input::open && room > 0) {
    const net::IoResult got = stream->try_read(piece, std::min<std::size_t>(sizeof piece, room));
    if (got.is_wait()) break;
    if (got.has_bytes()) {
      take({piece, got.count()});
    } else {
      input = got.is_end() ? Input::ended : Input::reset;
    }
    moved = true;
  }
  return moved;
}

void Wire::State::settle() {
  io::Reactor::Enter enter(reactor);
  do {
    testing::settle(reactor);
  } while (move());
}

void Wire::send(std::string_view data) {
  state_->unsent += data;
  state_->settle();
}

std::string Wire::receive() {
  state_->settle();
  return std::exchange(state_->received, {});
}

void Wire::limit_receiving(Limit<std::size_t> byte_count) {
  state_->room = byte_count;
  state_->settle();
}

bool Wire::at_end() {
  state_->settle();
  return state_->input != State::Input::open && state_->received.empty();
}

bool Wire::was_reset() {
  state_->settle();
  return state_->input == State::Input::reset;
}

void Wire::close_write() {
  state_->close_after_sending = true;
  state_->settle();
}

void Wire::reset() {
  if (state_->stream) state_->stream->abort();
  close();
}

void Wire::close() {
  state_->settle();
  // After an orderly close, the peer would take the bytes sent so far for everything.
  if (state_->stream && !state_->unsent.empty()) state_->stream->abort();
  state_->stream.reset();
  if (state_->input == State::Input::open) state_->input = State::Input::ended;
  state_->settle();
}

}  // namespace onehop::testing
