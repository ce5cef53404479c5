// SPDX-License-Identifier: Apache-2.0
#include "wire/tunnel_relay.hpp"

#include "base/check.hpp"
#include "base/exception_text.hpp"
#include "io/event.hpp"
#include "io/yield.hpp"
#include "wire/request_claim.hpp"

#include <cerrno>
#include <optional>
#include <utility>

namespace onehop::wire {
namespace {

constexpr std::size_t kTunnelPiece = 64 * 1024;
constexpr std::uint64_t kTunnelBytesPerTurn = 4 * 1024 * 1024;

Error stream_error(const net::Stream& stream, int errno_value, Side side) {
  return stream.error_of(errno_value, side).during(Phase::tunnel);
}

Side other_side(Side side) {
  return side == Side::client ? Side::upstream : Side::client;
}

// Writes the rest of a piece. If `from` fails meanwhile, its bytes need not be delivered, and the
// write ends. If `from` has only ended, all of its bytes are delivered.
task<Result<void>> write_rest(
    net::Stream& to, HeldString data, Side side, net::Stream& from, RelayState& state) {
  std::size_t sent = 0;
  while (sent < data.size()) {
    const net::IoResult took = to.try_write(data.data() + sent, data.size() - sent);
    if (took.error() == 0) {
      sent += took.count();
      state.last_activity = to.reactor().now();
      continue;
    }
    if (took.has_failed()) co_return failure(stream_error(to, took.error(), side));
    co_await to.writable(to.reactor().now() + kTunnelLivenessCheck);
    if (from.has_failed()) co_return failure(stream_error(from, ECONNRESET, other_side(side)));
  }
  co_return Result<void>();
}

// Completes when the peer of `stream` has closed both directions. After the peer's half-close, no
// read reports that.
task<Result<void>> until_gone(net::Stream& stream, Side side) {
  co_await stream.until_broken();
  if (stream.has_failed()) co_return failure(stream_error(stream, ECONNRESET, side));
  co_return Result<void>();
}

}  // namespace

// The two directions of one relay.
class Relay {
 public:
  Relay(RelayedTunnel& client, Tunnel& far, io::Reactor& reactor, RelayState& state)
      : client_(client),
        far_(far),
        reactor_(reactor),
        state_(state),
        changed_(reactor),
        liveness_(io::call<&Relay::on_liveness>(this)) {
    ONEHOP_DCHECK(!state_.changed_);  // a state serves one relay
    state_.changed_ = &changed_;
    client_.report_activity_to(&state_.last_activity);
    record_activity();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() {
    state_.changed_ = nullptr;
    client_.report_activity_to(nullptr);
  }

  task<Result<void>> run() {
    auto* const client = dynamic_cast<StreamTunnel*>(&client_);
    auto* const far = dynamic_cast<StreamTunnel*>(&far_);
    task<void> up;
    task<void> down;
    task<void> watch;
    if (client && far) {
      net::Stream& near_stream = client->stream();
      net::Stream& far_stream = far->stream();
      up = guarded(copy_stream(near_stream, far_stream, client->take_early(), Side::upstream));
      down = guarded(copy_stream(far_stream, near_stream, far->take_early(), Side::client));
    } else {
      up = guarded(copy(client_, far_, state_.from_client));
      down = guarded(copy(far_, client_, state_.to_client));
      if (client) {
        watch = watch_client(*client);
        watch.start();
      }
    }
    up.start();
    down.start();
    while (!state_.is_over() && !failure_ && !state_.end_)
      co_await changed_.wait();
    if (state_.end_) co_return failure(*state_.end_);
    if (failure_) co_return failure(*failure_);
    co_return Result<void>();
  }

 private:
  // Copies one direction between two streams, and passes on the half-close.
  task<void> copy_stream(net::Stream& from, net::Stream& to, HeldString early, Side to_side) {
    const Side from_side = other_side(to_side);
    RelayedBytes& count = to_side == Side::client ? state_.to_client : state_.from_client;
    if (!early.empty()) {
      count += early.size();
      auto written = co_await write_rest(to, std::move(early), to_side, from, state_);
      if (!written) {
        fail(written.error());
        co_return;
      }
    }
    std::uint64_t turn = 0;
    for (;;) {
      const std::span<char> scratch = from.reactor().scratch().first(tunnel_piece());
      const net::IoResult got = from.try_read(scratch.data(), scratch.size());
      if (got.is_wait()) {
        turn = 0;
        co_await from.readable(io::kNever);  // silence is normal in a tunnel
        continue;
      }
      if (got.has_failed()) {
        fail(stream_error(from, got.error(), from_side));
        co_return;
      }
      if (got.is_end()) break;
      const std::size_t size = got.count();
      count += size;
      record_activity();
      const net::IoResult sent = to.try_write(scratch.data(), size);
      if (sent.has_failed()) {
        fail(stream_error(to, sent.error(), to_side));
        co_return;
      }
      if (sent.count() < size) {
        HeldString rest(scratch.data() + sent.count(), size - sent.count());
        auto written = co_await write_rest(to, std::move(rest), to_side, from, state_);
        if (!written) {
          fail(written.error());
          co_return;
        }
      }
      turn += size;
      if (turn >= kTunnelBytesPerTurn) {
        turn = 0;
        co_await io::yield(from.reactor());
      }
    }
    to.close_write();
    end();
    const auto gone = co_await until_gone(from, from_side);
    end_both(gone);
  }

  // Copies one direction between two tunnels in the same way. While the client does not accept a
  // piece, a timer checks whether the far end has failed. A failure of the client ends the relay
  // without such a check.
  task<void> copy(Tunnel& from, Tunnel& to, RelayedBytes& count) {
    const bool is_down = &from == &far_;
    std::uint64_t turn = 0;
    for (;;) {
      if (turn >= kTunnelBytesPerTurn) {
        turn = 0;
        co_await io::yield(reactor_);
      }
      auto piece = co_await from.read();
      if (!piece) {
        fail(piece.error());
        co_return;
      }
      if (piece->empty()) break;
      turn += piece->size();
      count += piece->size();
      record_activity();
      if (is_down) arm_liveness();
      auto written = co_await to.write(*piece);
      if (is_down) liveness_.disarm();
      if (!written) {
        fail(written.error());
        co_return;
      }
      record_activity();
    }
    to.close_write();
    if (!is_down) co_await far_.flushed();
    end();
    if (!is_down) co_return;
    const auto gone = co_await far_.gone();
    end_both(gone);
  }

  // A user's tunnel may throw.
  task<void> guarded(task<void> work) {
    std::string what;
    try {
      co_await std::move(work);
      co_return;
    } catch (...) {
      what = exception_text();
    }
    fail(Error(Errc::handler_failed, Side::local, std::move(what)));
  }

  // No read reports the failure of a client while the far end does not accept its bytes, or after
  // the client's half-close.
  task<void> watch_client(StreamTunnel& client) {
    const auto gone = co_await client.gone();
    if (!gone) fail(gone.error());
  }

  void arm_liveness() { reactor_.timers().arm(liveness_, reactor_.now() + kTunnelLivenessCheck); }
  void on_liveness() {
    if (far_.has_failed()) {
      fail(Error(Errc::closed, Side::upstream));
    } else {
      arm_liveness();
    }
  }

  void record_activity() noexcept { state_.last_activity = reactor_.now(); }
  void end() {
    ++state_.ended_;
    changed_.set();
  }
  // One side has closed both directions, so no data of the other side reaches it.
  void end_both(const Result<void>& how) {
    if (!how) return fail(how.error());
    state_.ended_ = 2;
    changed_.set();
  }
  void fail(Error error) {
    if (!failure_) failure_ = std::move(error.during(Phase::tunnel));
    changed_.set();
  }

  RelayedTunnel& client_;
  Tunnel& far_;
  io::Reactor& reactor_;
  RelayState& state_;
  io::Event changed_;
  io::Timer liveness_;  // runs while the client does not accept the far end's bytes
  std::optional<Error> failure_;
};

std::size_t tunnel_piece() noexcept {
  return memory_is_short() ? kShortPiece : kTunnelPiece;
}

task<Result<bytes>> StreamTunnel::read() {
  if (!early_.empty()) {
    piece_ = std::exchange(early_, {});
    co_return bytes(piece_);
  }
  for (;;) {
    const std::span<char> scratch = stream_.reactor().scratch().first(tunnel_piece());
    const net::IoResult got = stream_.try_read(scratch.data(), scratch.size());
    if (got.is_wait()) {
      HeldString().swap(piece_);
      co_await stream_.readable(io::kNever);  // silence is normal in a tunnel
      continue;
    }
    if (got.has_failed()) co_return failure(stream_error(stream_, got.error(), side_));
    piece_.assign(scratch.data(), got.count());
    co_return bytes(piece_);
  }
}

task<Result<void>> StreamTunnel::write(bytes data) {
  while (!data.empty()) {
    const net::IoResult took = stream_.try_write(data.data(), data.size());
    if (took.error() == 0) {
      data.remove_prefix(took.count());
      on_activity(stream_.reactor().now());
      continue;
    }
    if (took.has_failed()) co_return failure(stream_error(stream_, took.error(), side_));
    co_await stream_.writable(io::kNever);
  }
  co_return Result<void>();
}

task<Result<void>> StreamTunnel::gone() {
  return until_gone(stream_, side_);
}

task<Result<void>> relay(RelayedTunnel& client,
                         Tunnel& far,
                         io::Reactor& reactor,
                         RelayState& state) {
  Relay both(client, far, reactor, state);
  co_return co_await both.run();
}

task<Result<void>> relay(net::Stream& client, HeldString early, Tunnel& far, RelayState& state) {
  StreamTunnel near(client, std::move(early));
  Relay both(near, far, client.reactor(), state);
  co_return co_await both.run();
}

}  // namespace onehop::wire
