// SPDX-License-Identifier: Apache-2.0
//
// H1Connection is one HTTP/1 connection to an origin. It is leased to one exchange at a time, and
// is idle in its pool between exchanges. Thread: owner.
#pragma once

#include <onehop/request.hpp>

#include "base/check.hpp"
#include "io/endings.hpp"
#include "transport/connection.hpp"
#include "transport/idle_transfer.hpp"
#include "wire/read_buffer.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace onehop::transport {

class H1Connection final : public Connection {
 public:
  // The origin that keeps the connection between requests.
  class Owner : public Connection::Owner {
   public:
    // Takes back a connection that its exchange left reusable, or whose lease sent nothing. Closes
    // it if there is no memory to keep it.
    virtual void give_back(std::unique_ptr<H1Connection> connection) noexcept = 0;
    // Destroys the idle `connection`: the upstream closed it or sent unsolicited bytes, or the
    // client it is reserved for is gone.
    virtual void drop(const H1Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  enum class Phase : std::uint8_t {
    leased,  // belongs to one exchange, or was just made
    idle,    // kept by its origin, watched for bytes and for its end
    gone,    // its stream went to a tunnel or another worker; only destruction may follow
  };

  // `owner` outlives it.
  H1Connection(Owner& owner,
               Slot slot,
               std::unique_ptr<net::Stream> stream,
               const std::string& address);
  // Takes over a connection of another worker.
  H1Connection(Owner& owner, IdleTransfer transfer);
  ~H1Connection();

  net::Stream& stream() noexcept {
    ONEHOP_DCHECK(phase_ != Phase::gone);
    return *stream_;
  }
  // Returns the stream, for a tunnel. Afterwards this object may only be destroyed.
  std::unique_ptr<net::Stream> take_stream() noexcept {
    move_to(Phase::gone);
    return std::move(stream_);
  }
  wire::ReadBuffer& input() noexcept { return input_; }
  Owner& owner() const noexcept { return owner_; }

  // Returns the connection for another worker's pool; afterwards this object may only be destroyed.
  // If the stream is more than a socket, returns null and changes nothing.
  std::unique_ptr<IdleTransfer> into_transfer();

  // Reports whether the connection should carry no more requests although it works. It is never
  // retired between the messages of a handshake, which would have to start again.
  bool is_retired(net::Time now) const noexcept {
    return !is_in_handshake() && lifetime_.is_over(now, exchanges_);
  }
  // Reports whether the connection must be closed once it is not in use: see NamedOrigins.
  bool is_abandoned() const noexcept { return slot_.is_abandoned(); }
  // Reports whether it has carried a request.
  bool is_reused() const noexcept { return exchanges_ > 0; }
  // Reports whether a request that asks for `reuse` may use it.
  bool suits(Reuse reuse) const noexcept;
  void count_exchange() noexcept {
    ++exchanges_;
    idle_since_ = stream_->reactor().now();
  }
  // Sets how long the upstream keeps an idle connection, according to its Keep-Alive field.
  void set_idle_hint(net::Duration hint) noexcept { idle_hint_ = hint; }

  // Reserves the connection, which the upstream authenticates, for the client connection `client`:
  // it serves only that client's requests and ends with it. Without a client it serves no further
  // request. Only the first call has an effect.
  void reserve_for(ConnectionId client);
  bool is_reserved() const noexcept { return reservation_ != nullptr; }
  ConnectionId client() const noexcept {
    return reservation_ ? reservation_->client : ConnectionId();
  }
  // Sets whether the upstream waits for the next message of the client's handshake. For a reserved
  // connection only.
  void set_in_handshake(bool value) noexcept {
    ONEHOP_DCHECK(reservation_);
    reservation_->in_handshake = value;
  }
  bool is_in_handshake() const noexcept { return reservation_ && reservation_->in_handshake; }
  // Reports false if it is reserved for a client that is gone, or for no client.
  bool may_be_kept() const noexcept;

  // For the owner. An idle connection is watched for bytes and for its end.
  void become_idle(net::Duration timeout) noexcept;
  void become_busy() noexcept {
    move_to(Phase::leased);
    stream_->watch_readable(nullptr);
    count_no_longer_idle();
  }
  // Returns when it was last used, or made. A lease that sent nothing does not count as a use.
  net::Time idle_since() const noexcept { return idle_since_; }
  std::uint64_t idle_since_pass() const noexcept { return idle_since_pass_; }
  // Reports whether the upstream has closed it or sent unsolicited bytes.
  bool has_unread() { return stream_->has_unread(); }
  // Reports whether it has_unread() or has been idle for too long.
  bool is_stale(net::Time now) { return now >= expires_ || has_unread(); }
  // Like is_stale(), but always asks the kernel. For a request that may not be sent twice, if the
  // kernel has had no occasion yet to report the end of the connection.
  bool is_stale_now(net::Time now) { return now >= expires_ || stream_->has_unread_now(); }

 private:
  struct Reservation {
    Reservation(H1Connection& connection, ConnectionId c);

    ConnectionId client;
    io::Endings::Watch client_end;
    bool in_handshake = false;
  };

  static constexpr bool may_follow(Phase from, Phase to) noexcept {
    switch (from) {
      case Phase::leased:
        return to != Phase::leased;
      case Phase::idle:
        return to == Phase::leased;
      case Phase::gone:
        return false;
    }
    return false;
  }
  void move_to(Phase next) noexcept {
    ONEHOP_DCHECK(may_follow(phase_, next));
    phase_ = next;
  }
  void end() { owner_.drop(*this); }
  void count_no_longer_idle() noexcept {
    pool_.counters().idle.subtract(1);
    counters_->idle.subtract(1);
  }

  Owner& owner_;
  wire::ReadBuffer input_;
  io::Wakeup disturbed_;
  net::Time idle_since_;
  std::uint64_t idle_since_pass_ = 0;
  net::Time expires_{};
  net::Duration idle_hint_ = net::Duration::max();
  std::uint64_t exchanges_ = 0;
  Phase phase_ = Phase::leased;
  std::unique_ptr<Reservation> reservation_;
};

}  // namespace onehop::transport
