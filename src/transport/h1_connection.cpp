// SPDX-License-Identifier: Apache-2.0
#include "transport/h1_connection.hpp"

#include "base/check.hpp"
#include "net/tcp_stream.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {
namespace {

// The maximum time since the last use that Reuse::recent_only allows.
constexpr net::Duration kRecent = std::chrono::seconds(1);
// A reserved connection is kept as long as its client's connection. This limits connections whose
// client has left unnoticed, and connections of upstreams that do not say how long they keep an
// idle connection.
constexpr net::Duration kReservedIdle = std::chrono::minutes(2);

}  // namespace

H1Connection::H1Connection(Owner& owner,
                           Slot slot,
                           std::unique_ptr<net::Stream> stream,
                           const std::string& address)
    : Connection(owner, std::move(slot), std::move(stream), address),
      owner_(owner),
      input_(stream_->reactor().buffers()),
      disturbed_(io::call<&H1Connection::end>(this)),
      idle_since_(stream_->reactor().now()) {}

H1Connection::H1Connection(Owner& owner, IdleTransfer transfer)
    : H1Connection(
          owner,
          std::move(transfer.slot),
          std::make_unique<net::TcpStream>(
              owner.pool().reactor(), std::move(transfer.socket), net::TcpStream::Role::connected),
          transfer.address) {
  lifetime_ = transfer.lifetime;
  exchanges_ = transfer.exchanges;
  idle_hint_ = transfer.idle_hint;
  idle_since_ = transfer.idle_since;
  expires_ = transfer.expires;
}

std::unique_ptr<IdleTransfer> H1Connection::into_transfer() {
  ONEHOP_DCHECK(!is_reserved());
  if (stream_->plain_descriptor() < 0) return nullptr;
  auto transfer =
      std::make_unique<IdleTransfer>(stream_->release(), std::move(slot_), address(), lifetime_);
  transfer->exchanges = exchanges_;
  transfer->idle_hint = idle_hint_;
  transfer->idle_since = idle_since_;
  transfer->expires = expires_;
  move_to(Phase::gone);
  return transfer;
}

H1Connection::~H1Connection() {
  if (phase_ == Phase::idle) count_no_longer_idle();
}

// --- reservation -------------------------------------------------------------------------------

H1Connection::Reservation::Reservation(H1Connection& connection, ConnectionId c)
    : client(c),
      client_end(connection.stream_->reactor().endings(),
                 c.number(),
                 io::call<&H1Connection::end>(&connection)) {}

void H1Connection::reserve_for(ConnectionId client) {
  if (!reservation_) reservation_ = std::make_unique<Reservation>(*this, client);
}

bool H1Connection::may_be_kept() const noexcept {
  return !reservation_ || (reservation_->client && !reservation_->client_end.has_ended());
}

bool H1Connection::suits(Reuse reuse) const noexcept {
  switch (reuse) {
    case Reuse::any:
      return true;
    case Reuse::recent_only:
      return stream_->reactor().now() - idle_since_ <= kRecent;
    case Reuse::none:
      break;
  }
  return !is_reused();
}

void H1Connection::become_idle(net::Duration timeout) noexcept {
  idle_since_pass_ = stream_->reactor().pass();
  if (reservation_ && !is_in_handshake()) timeout = kReservedIdle;
  if (idle_hint_ != net::Duration::max()) timeout = idle_hint_;
  expires_ = io::deadline_after(idle_since_, timeout);
  if (!is_in_handshake()) expires_ = std::min(expires_, lifetime_.ends_at());
  input_.release();
  stream_->watch_readable(&disturbed_);
  move_to(Phase::idle);
  pool_.counters().idle.add(1);
  counters_->idle.add(1);
}

}  // namespace onehop::transport
