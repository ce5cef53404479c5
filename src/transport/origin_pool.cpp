// SPDX-License-Identifier: Apache-2.0
#include "transport/origin_pool.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kRecent = std::chrono::seconds(1);
// How long a thread that may be busy is waited for before a connection is made after all.
constexpr net::Duration kAskFor = std::chrono::milliseconds(2);

}  // namespace

struct OriginPool::Waiter final : WaitingRequest {
  Waiter(OriginPool& o, Reuse f, net::Time b) noexcept
      : WaitingRequest(o.pool_.reactor(), b), origin(o), ref(o.use_), reuse(f) {
    origin.waiters_.push_back(*this);
    ++origin.waiting_;
    ++origin.shared_->waiting;
  }
  ~Waiter() {
    leave();
    if (connection) origin.give_back(std::move(connection));  // it came, and nobody took it
  }
  void leave() noexcept override {
    if (!is_linked()) return;
    unlink();
    --origin.waiting_;
    --origin.shared_->waiting;
  }

  OriginPool& origin;
  const OriginUse::Ref ref;
  std::unique_ptr<H1Connection> connection;
  Reuse reuse;
};

OriginPool::OriginPool(Keeper& keeper,
                       PoolContext& pool,
                       std::string key,
                       net::Destination destination)
    : keeper_(keeper),
      pool_(pool),
      key_(std::move(key)),
      destination_(std::move(destination)),
      shared_(pool.shared().origin(key_)),
      use_(
          pool.reactor(),
          [](void* self) {
            const auto& origin = *static_cast<OriginPool*>(self);
            origin.keeper_.forget(origin);
          },
          this),
      redial_(
          pool.reactor(),
          pool.options(),
          waiters_,
          [](void* self) {
            auto& origin = *static_cast<OriginPool*>(self);
            return origin.dialling_ == 0 && origin.begin_dial();
          },
          this) {}

OriginPool::~OriginPool() {
  dials_.cancel();
  pool_.counters().idle.subtract(idle());
  pool_.count_reserved_gone(reserved_.size());
  idle_.clear();  // their slots are of what is forgotten here
  reserved_ = {};
  pool_.shared().forget(key_, std::move(shared_));
}

bool OriginPool::matches(const Url& url) const noexcept {
  if (url.scheme() == "unix") return url.socket_path() == destination_.socket_path;
  return destination_.socket_path.empty() && url.port() == destination_.port &&
         destination_.tls == (url.scheme() == "https") && url.host() == destination_.host;
}

std::unique_ptr<H1Connection> OriginPool::try_take(Reuse reuse) {
  if (reuse == Reuse::none) return nullptr;
  const net::Time now = pool_.reactor().now();
  while (!idle_.empty()) {
    if (!will_do(*idle_.back(), reuse)) break;
    std::unique_ptr<H1Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    pool_.counters().idle.subtract(1);
    connection->become_busy();
    // The kernel has told of its end since it went idle, unless that was in this very pass.
    const bool ask =
        reuse == Reuse::recent_only && connection->idle_since_pass() == pool_.reactor().pass();
    if (ask ? connection->is_stale_now(now) : connection->is_stale(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

std::unique_ptr<H1Connection> OriginPool::try_take_reserved(ConnectionId client,
                                                            bool has_credentials) {
  const net::Time now = pool_.reactor().now();
  while (auto connection = reserved_.take(client, has_credentials)) {
    count_reserved_gone(1);
    connection->become_busy();
    if (connection->is_stale_now(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

task<Result<std::unique_ptr<H1Connection>>> OriginPool::take(Reuse reuse, net::Time began) {
  Waiter waiter(*this, reuse, began);
  bool served = false;
  const bool asks = request_from_other_threads(reuse);
  if (requested_ > 0) {
    served = co_await waiter.changed.wait(io::deadline_after(pool_.reactor().now(), kAskFor));
  }
  if (!served) {
    if (asks && requested_ > 0) --requested_;  // a thread that has ended never answers
    dial_for_waiters();
    if (dialling_ < waiting_ && !redial_.is_active()) {
      // Those of this thread are too old for this request, or of the other version.
      keeper_.close_idle(key_);
      dial_for_waiters();
    }
    if (dialling_ < waiting_ && !redial_.is_active())
      pool_.shared().ask_for_slot(key_, pool_.member());
    const bool is_dialled_for = dialling_ >= waiting_;
    const auto waited = co_await redial_.wait(waiter, is_dialled_for);
    if (!waited) co_return failure(waited.error());
  }
  if (waiter.error) co_return failure(*waiter.error);
  co_return std::move(waiter.connection);
}

bool OriginPool::request_from_other_threads(Reuse reuse) {
  if (reuse == Reuse::none || pool_.shared().workers() < 2) return false;
  if (destination_.tls) return false;  // only a socket can change its thread
  if (dialling_ + requested_ >= waiting_) return false;
  if (!pool_.shared().request(key_, reuse, pool_.member())) return false;
  ++requested_;
  return true;
}

void OriginPool::complete(std::unique_ptr<IdleTransfer> transfer) {
  if (requested_ > 0) --requested_;  // this one may have come too late to count
  if (transfer) {
    auto connection = std::make_unique<H1Connection>(*this, std::move(*transfer));
    // The kernel had no occasion yet to tell this thread of its end.
    if (!connection->is_stale_now(pool_.reactor().now())) return deliver(std::move(connection));
  }
  dial_for_waiters();
}

OriginPool::Waiter& OriginPool::front() noexcept {
  return static_cast<Waiter&>(waiters_.front());
}

void OriginPool::dial_for_waiters() {
  // While redialling, one at a time, when its time has come; the first to fail begins it.
  while (!redial_.is_active() && dialling_ < waiting_ && begin_dial()) {
  }
}

// False when there is no slot for it, or no memory.
bool OriginPool::begin_dial() {
  std::optional<Slot> slot = pool_.shared().try_slot(shared_);
  if (!slot) return false;
  try {
    dials_.spawn(dial(std::make_unique<Slot>(std::move(*slot))));
  } catch (const std::bad_alloc&) {
    // The slot comes free again, of which all who wait are told: one of them has to leave.
    if (!waiters_.empty()) Redial::fail(waiters_.front(), Error(Errc::overloaded, Side::local));
    return false;
  }
  return true;
}

task<void> OriginPool::dial(std::unique_ptr<Slot> slot) {
  const OriginUse::Ref ref(use_);
  ++dialling_;
  Result<std::unique_ptr<H1Connection>> made = failure(Errc::overloaded, Side::local);
  try {
    auto dialled = co_await pool_.dialer().dial(destination_);
    made = connection_of(*slot, std::move(dialled));
  } catch (const std::bad_alloc&) {  // those who wait hear of it, and the next dial is not blocked
  }
  --dialling_;
  if (made) {
    const bool was_active = redial_.is_active();
    redial_.end();
    deliver(std::move(*made));
    if (was_active) dial_for_waiters();
    co_return;
  }
  slot.reset();
  Error& error = made.error();
  if (is_short_of_descriptors(error)) pool_.close_one_idle();
  if (redial_.is_active() || redial_.may_be_waited_out(error)) {
    redial_.dial_failed(std::move(error));
    co_return;
  }
  if (dialling_ >= waiting_) co_return;  // whom it was for has got one that came back
  Redial::fail(waiters_.front(), error);
}

Result<std::unique_ptr<H1Connection>> OriginPool::connection_of(Slot& slot,
                                                                Result<net::Dialled> dialled) {
  if (!dialled) return failure(std::move(dialled.error()));
  pool_.counters().dialled.add(1);
  return std::make_unique<H1Connection>(*this, std::move(slot), std::move(dialled->stream),
                                        std::move(dialled->address));
}

bool OriginPool::will_do(const H1Connection& connection, Reuse reuse) const noexcept {
  switch (reuse) {
    case Reuse::any:
      return true;
    case Reuse::recent_only:
      return pool_.reactor().now() - connection.idle_since() <= kRecent;
    case Reuse::none:
      break;
  }
  return !connection.is_reused();
}

// The first in line that it will do for gets it. At the limit, one before that who needs a new
// connection gets its slot: else all that came back would pass by, until queue_timeout.
void OriginPool::deliver(std::unique_ptr<H1Connection> connection) {
  Waiter* const waiter = first_for(*connection);
  const bool passes_by = waiter && waiter != &front() && dialling_ == 0 && !redial_.is_active();
  if (!waiter || (passes_by && is_wanted_elsewhere())) {
    make_idle(std::move(connection));
    return;
  }
  waiter->leave();
  waiter->connection = std::move(connection);
  waiter->changed.set();
}

// Null if there is none.
OriginPool::Waiter* OriginPool::first_for(const H1Connection& connection) noexcept {
  IntrusiveList<WaitingRequest> passed_over;
  Waiter* found = nullptr;
  while (!found && !waiters_.empty()) {
    Waiter& waiter = front();
    if (will_do(connection, waiter.reuse)) {
      found = &waiter;
    } else {
      passed_over.push_back(waiter);
    }
  }
  passed_over.splice_back(waiters_);
  waiters_.splice_back(passed_over);
  return found;
}

void OriginPool::adopt(Slot slot, std::unique_ptr<net::Stream> stream, std::string address) {
  auto connection =
      std::make_unique<H1Connection>(*this, std::move(slot), std::move(stream), std::move(address));
  if (waiters_.empty()) {
    keep(std::move(connection));  // the request it was made for is on its way here
  } else {
    deliver(std::move(connection));
  }
}

void OriginPool::give_back(std::unique_ptr<H1Connection> connection) noexcept {
  try {
    if (connection->is_retired(pool_.reactor().now()) || connection->has_unread()) return;
    if (connection->is_reserved()) {
      keep_reserved(std::move(connection));
    } else {
      deliver(std::move(connection));
    }
  } catch (const std::bad_alloc&) {  // destructors give back as well
  }
}

// At the limit, a slot is worth more to a request that waits, of another thread as well, than to
// nobody here.
bool OriginPool::is_wanted_elsewhere() const noexcept {
  const std::size_t most = pool_.options().max_connections;
  return most != 0 && shared_->waiting > 0 && shared_->open >= most;
}

bool OriginPool::keeps_none() const noexcept {
  return pool_.options().pool_size == 0 || pool_.is_retired();
}

void OriginPool::make_idle(std::unique_ptr<H1Connection> connection) {
  if (keeps_none() || is_wanted_elsewhere()) return;
  keep(std::move(connection));
  pool_.enforce_size();
}

// A handshake would never come to its end if each of its messages met others who wait, or got a
// connection of its own: between two of them the connection is kept, for pool_idle_timeout at most.
void OriginPool::keep_reserved(std::unique_ptr<H1Connection> connection) {
  if (pool_.is_retired() || !connection->may_be_kept()) return;
  if ((keeps_none() || is_wanted_elsewhere()) && !connection->is_in_handshake()) return;
  connection->become_idle(pool_.options().pool_idle_timeout);
  reserved_.add(std::move(connection));
  pool_.count_reserved_idle();
  pool_.counters().idle.add(1);
  pool_.arm_sweep();
  pool_.enforce_size();
}

void OriginPool::count_reserved_gone(std::size_t count) noexcept {
  pool_.count_reserved_gone(count);
  pool_.counters().idle.subtract(count);
}

void OriginPool::keep(std::unique_ptr<H1Connection> connection) {
  connection->become_idle(pool_.options().pool_idle_timeout);
  // What was idle elsewhere before, or was lent and not used, is not among the youngest.
  auto place = idle_.end();
  while (place != idle_.begin() && (*(place - 1))->idle_since() > connection->idle_since())
    --place;
  idle_.insert(place, std::move(connection));
  pool_.counters().idle.add(1);
  pool_.arm_sweep();
}

void OriginPool::drop(const H1Connection& connection) {
  if (connection.is_reserved()) {
    if (const auto reserved = reserved_.remove(connection)) count_reserved_gone(1);
    return;
  }
  const auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == idle_.end()) return;
  const std::unique_ptr<H1Connection> dropped = std::move(*found);
  idle_.erase(found);
  pool_.counters().idle.subtract(1);
}

void OriginPool::sweep(net::Time now) {
  const std::size_t before = idle_.size();
  std::erase_if(idle_, [now](const auto& connection) { return connection->is_stale(now); });
  pool_.counters().idle.subtract(before - idle_.size());
  count_reserved_gone(reserved_.sweep(now));
}

void OriginPool::close_all_idle() {
  while (idle() > 0)
    close_oldest(true);
}

// A reserved one last: its client would have to authenticate again.
void OriginPool::close_oldest(bool handshakes_too) {
  if (!idle_.empty()) {
    drop(*idle_.front());
  } else if (const auto reserved = reserved_.take_oldest(handshakes_too)) {
    count_reserved_gone(1);
  }
}

}  // namespace onehop::transport
