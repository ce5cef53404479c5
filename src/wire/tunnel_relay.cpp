// SPDX-License-Identifier: Apache-2.0
#include "wire/tunnel_relay.hpp"

#include "base/exception_text.hpp"
#include "io/event.hpp"
#include "io/yield.hpp"
#include "wire/request_claim.hpp"

#include <cerrno>
#include <optional>
#include <utility>

namespace onehop::wire {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::uint64_t kBytesPerTurn = 4 * 1024 * 1024;

// `result` is what a read or a write of `stream` gave.
Error stream_error(const net::Stream& stream, ssize_t result, Side side) {
  return stream.error_of(static_cast<int>(-result), side).during(Phase::tunnel);
}

Side other_side(Side side) {
  return side == Side::client ? Side::upstream : Side::client;
}

// `failure_of_source` tells of the other side: once it has failed there is nobody to write for. One
// that has merely ended has not: all it sent is delivered. `state`, where there is one, hears of
// progress.
template <class Ask>
task<Result<void>> write_all(
    net::Stream& to, HeldString data, Side side, Ask failure_of_source, RelayState* state) {
  std::size_t sent = 0;
  while (sent < data.size()) {
    const ssize_t took = to.try_write(data.data() + sent, data.size() - sent);
    if (took >= 0) {
      sent += static_cast<std::size_t>(took);
      if (state) state->last_activity = to.reactor().now();
      continue;
    }
    if (took != -EAGAIN) co_return failure(stream_error(to, took, side));
    co_await to.writable(to.reactor().now() + kTunnelLivenessCheck);
    const std::optional<Error> failed = failure_of_source();
    if (failed) co_return failure(*failed);
  }
  co_return Result<void>();
}

// What becomes of a stream that has ended, of which no read tells any more.
task<Result<void>> until_gone(net::Stream& stream, Side side) {
  co_await stream.until_broken();
  if (stream.has_failed()) co_return failure(stream_error(stream, -ECONNRESET, side));
  co_return Result<void>();
}

}  // namespace

// The two directions of one relay, and who waits for them.
class Relay {
 public:
  Relay(net::Stream& client, Tunnel& far, RelayState& state)
      : client_(client), far_(far), state_(state), changed_(client.reactor()) {
    state_.changed_ = &changed_;
    note_activity();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() { state_.changed_ = nullptr; }

  task<Result<void>> run(HeldString early) {
    auto* plain = dynamic_cast<StreamTunnel*>(&far_);
    task<void> up;
    task<void> down;
    task<void> watch;
    if (plain) {
      up = guarded(
          copy(client_, plain->stream(), std::move(early), Side::upstream, state_.from_client));
      down = guarded(
          copy(plain->stream(), client_, plain->take_early(), Side::client, state_.to_client));
    } else {
      up = guarded(copy_to_far(std::move(early)));
      down = guarded(copy_from_far());
      watch = watch_client();
      watch.start();
    }
    up.start();
    down.start();
    while (ended_ < 2 && !failure_ && !state_.end_)
      co_await changed_.wait();
    if (state_.end_) co_return failure(*state_.end_);
    if (failure_) co_return failure(*failure_);
    co_return Result<void>();
  }

 private:
  // One direction between two streams, up to the half-close it passes on.
  task<void> copy(
      net::Stream& from, net::Stream& to, HeldString early, Side to_side, std::uint64_t& count) {
    const Side from_side = other_side(to_side);
    const auto failure_of_source = [&from, from_side]() -> std::optional<Error> {
      if (!from.has_failed()) return std::nullopt;
      return stream_error(from, -ECONNRESET, from_side);
    };
    if (!early.empty()) {
      count += early.size();
      auto written = co_await write_all(to, std::move(early), to_side, failure_of_source, &state_);
      if (!written) {
        fail(written.error());
        co_return;
      }
    }
    std::uint64_t turn = 0;
    for (;;) {
      const std::span<char> scratch = from.reactor().scratch().first(tunnel_piece());
      const ssize_t got = from.try_read(scratch.data(), scratch.size());
      if (got == -EAGAIN) {
        turn = 0;
        co_await from.readable(io::kNever);  // silence is normal in a tunnel
        continue;
      }
      if (got < 0) {
        fail(stream_error(from, got, from_side));
        co_return;
      }
      if (got == 0) break;
      const auto size = static_cast<std::size_t>(got);
      count += size;
      note_activity();
      ssize_t sent = to.try_write(scratch.data(), size);
      if (sent < 0 && sent != -EAGAIN) {
        fail(stream_error(to, sent, to_side));
        co_return;
      }
      if (sent < 0) sent = 0;
      if (static_cast<std::size_t>(sent) < size) {
        HeldString rest(scratch.data() + sent, size - static_cast<std::size_t>(sent));
        auto written = co_await write_all(to, std::move(rest), to_side, failure_of_source, &state_);
        if (!written) {
          fail(written.error());
          co_return;
        }
      }
      turn += size;
      if (turn >= kBytesPerTurn) {
        turn = 0;
        co_await io::yield(from.reactor());
      }
    }
    to.close_write();
    end();
    const auto gone = co_await until_gone(from, from_side);
    end_both(gone);
  }

  // A tunnel of somebody's own may throw.
  task<void> guarded(task<void> work) {
    std::string what;
    try {
      co_await std::move(work);
      co_return;
    } catch (...) {
      what = exception_text();
    }
    fail(Error(Errc::handler_failed, Side::local, std::move(what)).during(Phase::tunnel));
  }

  task<void> copy_to_far(HeldString early) {
    HeldString piece = std::move(early);
    for (;;) {
      if (!piece.empty()) {
        state_.from_client += piece.size();
        note_activity();
        auto written = co_await far_.write(piece);
        if (!written) {
          fail(written.error());
          co_return;
        }
        note_activity();
      }
      const std::span<char> scratch = client_.reactor().scratch().first(tunnel_piece());
      const ssize_t got = client_.try_read(scratch.data(), scratch.size());
      if (got == -EAGAIN) {
        piece.clear();
        co_await client_.readable(io::kNever);  // silence is normal in a tunnel
        continue;
      }
      if (got < 0) {
        fail(stream_error(client_, got, Side::client));
        co_return;
      }
      if (got == 0) break;
      piece.assign(scratch.data(), static_cast<std::size_t>(got));
    }
    far_.close_write();
    co_await far_.flushed();
    end();
  }

  // No read tells of a client that fails while the far side does not take what it said, or behind
  // its half-close.
  task<void> watch_client() {
    const auto gone = co_await until_gone(client_, Side::client);
    if (!gone) fail(gone.error());
  }

  task<void> copy_from_far() {
    const auto failure_of_far = [this]() -> std::optional<Error> {
      if (!far_.has_failed()) return std::nullopt;
      return Error(Errc::closed, Side::upstream).during(Phase::tunnel);
    };
    for (;;) {
      auto piece = co_await far_.read();
      if (!piece) {
        fail(piece.error());
        co_return;
      }
      if (piece->empty()) break;
      state_.to_client += piece->size();
      note_activity();
      HeldString data(*piece);
      auto written =
          co_await write_all(client_, std::move(data), Side::client, failure_of_far, &state_);
      if (!written) {
        fail(written.error());
        co_return;
      }
    }
    client_.close_write();
    end();
    const auto gone = co_await far_.gone();
    end_both(gone);
  }

  void note_activity() noexcept { state_.last_activity = client_.reactor().now(); }
  void end() {
    ++ended_;
    changed_.set();
  }
  // One side has left altogether: what the other would say reaches nobody.
  void end_both(const Result<void>& how) {
    if (!how) return fail(how.error());
    ended_ = 2;
    changed_.set();
  }
  void fail(Error error) {
    if (!failure_) failure_ = std::move(error);
    changed_.set();
  }

  net::Stream& client_;
  Tunnel& far_;
  RelayState& state_;
  io::Event changed_;
  std::optional<Error> failure_;
  int ended_ = 0;
};

std::size_t tunnel_piece() noexcept {
  return memory_is_short() ? kShortPiece : kPiece;
}

task<Result<bytes>> StreamTunnel::read() {
  if (!early_.empty()) {
    piece_ = std::exchange(early_, {});
    co_return bytes(piece_);
  }
  for (;;) {
    const std::span<char> scratch = stream_->reactor().scratch().first(tunnel_piece());
    const ssize_t got = stream_->try_read(scratch.data(), scratch.size());
    if (got == -EAGAIN) {
      co_await stream_->readable(io::kNever);  // silence is normal in a tunnel
      continue;
    }
    if (got < 0) co_return failure(stream_error(*stream_, got, Side::upstream));
    piece_.assign(scratch.data(), static_cast<std::size_t>(got));
    co_return bytes(piece_);
  }
}

task<Result<void>> StreamTunnel::write(bytes data) {
  HeldString copy(data);
  const auto nobody_knows = []() -> std::optional<Error> { return std::nullopt; };
  auto written =
      co_await write_all(*stream_, std::move(copy), Side::upstream, nobody_knows, nullptr);
  co_return written;
}

task<Result<void>> StreamTunnel::gone() {
  return until_gone(*stream_, Side::upstream);
}

task<Result<void>> relay(net::Stream& client, HeldString early, Tunnel& far, RelayState& state) {
  Relay both(client, far, state);
  co_return co_await both.run(std::move(early));
}

}  // namespace onehop::wire
