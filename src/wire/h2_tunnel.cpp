// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_tunnel.hpp"

namespace onehop::wire {

void H2Tunnel::on_event() noexcept {
  if (stream_.has_piece() || stream_.has_ended() || stream_.is_closed()) changed_.set();
}

void H2Tunnel::flush_soon() noexcept {
  if (H2Link* const link = owner_.tunnel_link()) link->flush_soon();
}

task<Result<bytes>> H2Tunnel::read() {
  for (;;) {
    const std::string_view piece = stream_.take_piece(tunnel_piece());
    flush_soon();  // taking a piece may have opened the peer's window
    if (!piece.empty()) co_return bytes(piece);
    if (stream_.at_end()) co_return bytes();
    if (stream_.is_closed()) co_return failure(owner_.tunnel_error());
    co_await changed_.wait();  // silence is normal in a tunnel
  }
}

task<Result<void>> H2Tunnel::write(bytes data) {
  if (!stream_.is_open()) co_return failure(owner_.tunnel_error());
  stream_.send(data);
  flush_soon();
  while (sender_.is_full()) {
    H2Link* const link = owner_.tunnel_link();
    if (!link) co_return failure(owner_.tunnel_error());
    const std::uint64_t before = stream_.sent();
    auto room = co_await sender_.wait_for_room(*link, kTunnelLivenessCheck);
    if (stream_.sent() != before) on_activity(reactor_.now());
    if (!room && !room.error().is_timeout()) co_return failure(owner_.tunnel_error());
  }
  co_return Result<void>();
}

void H2Tunnel::close_write() {
  if (!stream_.is_open()) return;
  stream_.send_end({});
  flush_soon();
}

task<Result<void>> H2Tunnel::gone() {
  while (!stream_.is_closed())
    co_await changed_.wait();
  if (has_failed()) co_return failure(owner_.tunnel_error());
  co_return Result<void>();
}

}  // namespace onehop::wire
