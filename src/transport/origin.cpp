// SPDX-License-Identifier: Apache-2.0
#include "transport/origin.hpp"

#include "base/check.hpp"

#include <new>
#include <utility>

namespace onehop::transport {
namespace {

// How long a request waits for another worker, which may be busy, before it dials.
constexpr net::Duration kTransferPatience = std::chrono::milliseconds(2);

net::Destination without_http2(net::Destination destination) {
  destination.http2 = false;
  return destination;
}

}  // namespace

Origin::Origin(Keeper& keeper, PoolContext& pool, std::string key, net::Destination destination)
    : keeper_(keeper),
      pool_(pool),
      key_(std::move(key)),
      destination_(std::move(destination)),
      http1_destination_(without_http2(destination_)),
      shared_(pool.shared().origin(key_)),
      use_(
          pool.reactor(),
          [](void* self) { static_cast<Origin*>(self)->forget_if_useless(); },
          this),
      idle_(pool),
      look_again_([](void* self) { static_cast<Origin*>(self)->look_again(); }, this),
      dial_again_([](void* self) { static_cast<Origin*>(self)->look_again_soon(); }, this),
      line_(pool.reactor(), *shared_, look_again_),
      redial_(
          pool.reactor(),
          pool.options(),
          line_.requests(),
          [](void* self) { return static_cast<Origin*>(self)->redial(); },
          this) {}

Origin::~Origin() {
  dials_.cancel();
  http2_.clear();  // the slots are of the counters that are forgotten here
  idle_.clear();
  pool_.shared().forget(key_, std::move(shared_));
}

// That the upstream speaks HTTP/1.1 is remembered for as long as it counts.
void Origin::forget_if_useless() {
  const bool is_useful = pool_.reactor().now() < http1_until_ && !pool_.is_retired();
  if (!is_useful) return keeper_.forget(*this);
  use_.call_again(http1_until_);
}

bool Origin::matches(const Url& url, std::string_view connect_address) const noexcept {
  if (connect_address != destination_.connect_address) return false;
  const std::string_view scheme = url.scheme();
  if (scheme == "unix") return url.socket_path() == destination_.socket_path;
  const bool has_prior_knowledge = destination_.http2 && !destination_.tls;
  return destination_.socket_path.empty() && url.port() == destination_.port &&
         destination_.tls == (scheme == "https") && has_prior_knowledge == (scheme == "h2c") &&
         url.host() == destination_.host;
}

// --- leases ------------------------------------------------------------------------------------

std::optional<Lease> Origin::try_lease(const Need& need) {
  ONEHOP_DCHECK(pool_.is_on_its_worker());
  if (goes_over_http2(need)) {
    if (line_.waiting(Protocol::http2) > 0) return std::nullopt;  // these come first
    H2Connection* const connection = try_http2(need);
    if (!connection) return std::nullopt;
    if (connection->is_busy()) dial_http2();
    return Lease(*connection);
  }
  auto connection = try_http1(need);
  if (!connection) return std::nullopt;
  return Lease(std::move(connection));
}

std::unique_ptr<H1Connection> Origin::try_http1(const Need& need) {
  if (pool_.reserved_idle() > 0 && need.reuse != Reuse::none) {
    auto reserved = idle_.try_take_reserved(need.client, need.has_credentials);
    if (reserved) return reserved;
  }
  return idle_.try_take(need.reuse);
}

// For a request that may not be sent twice, what has arrived on the connection is looked at first.
H2Connection* Origin::try_http2(const Need& need) {
  while (H2Connection* const connection = http2_.best(need.settings)) {
    if (need.reuse == Reuse::any || connection->takes_requests_after_a_look()) return connection;
  }
  return nullptr;
}

task<Result<Lease>> Origin::lease(Need need, net::Time began) {
  Waiter waiter(line_, use_, need, began);
  for (bool first = true; goes_over_http2(need); first = false) {
    waiter.join(Protocol::http2);  // before a dial, which may fail at once
    if (!http2_.best(false) && !dial_http2() && http2_.empty()) {
      idle_.close_oldest(false);
      if (!dial_http2()) pool_.shared().ask_for_slot(key_, pool_.member());
    }
    // Once only: a dial may come to nothing, and so may the next.
    const bool is_dialled_for = first && is_dialling_http2_;
    // Those before it were woken, perhaps, and leave room: no other event may follow.
    if (http2_.best(need.settings)) look_again_soon();
    const auto waited = co_await redial_.wait(waiter, is_dialled_for);
    waiter.leave();
    if (waiter.error) co_return failure(*waiter.error);
    if (!goes_over_http2(need)) break;
    if (H2Connection* connection = try_http2(need)) co_return Lease(*connection);
    if (!waited) co_return failure(waited.error());
  }
  if (auto connection = try_http1(need)) co_return Lease(std::move(connection));
  co_return co_await wait_for_http1(waiter);
}

task<Result<Lease>> Origin::wait_for_http1(Waiter& waiter) {
  waiter.join(Protocol::http1);
  bool served = false;
  const bool asks = request_from_other_workers(waiter.need.reuse);
  if (requested_ > 0) {
    const net::Time patience = io::deadline_after(pool_.reactor().now(), kTransferPatience);
    served = co_await waiter.changed.wait(patience);
  }
  if (!served) {
    if (asks && requested_ > 0) --requested_;  // a worker that has ended never responds
    dial_http1_for_waiters();
    if (lacks_dials() && !redial_.is_active()) {
      close_idle();  // too old for this request, or of the other version
      dial_http1_for_waiters();
    }
    if (lacks_dials() && !redial_.is_active()) {
      pool_.shared().ask_for_slot(key_, pool_.member());
    }
    const bool is_dialled_for = !lacks_dials();
    const auto waited = co_await redial_.wait(waiter, is_dialled_for);
    if (!waited) co_return failure(waited.error());
  }
  if (waiter.error) co_return failure(*waiter.error);
  ONEHOP_DCHECK(waiter.lease);
  co_return std::move(*waiter.lease);
}

// --- between workers ---------------------------------------------------------------------------

bool Origin::request_from_other_workers(Reuse reuse) {
  if (reuse == Reuse::none || pool_.shared().workers() < 2) return false;
  if (destination_.tls) return false;  // only a socket can change its worker
  if (dialling_http1_ + requested_ >= line_.waiting(Protocol::http1)) return false;
  if (!pool_.shared().request(key_, reuse, pool_.member())) return false;
  ++requested_;
  return true;
}

std::unique_ptr<IdleTransfer> Origin::offer(Reuse reuse) {
  auto connection = idle_.try_take(reuse);
  if (!connection) return nullptr;
  auto transfer = connection->into_transfer();
  if (!transfer) give_back(std::move(connection));
  return transfer;
}

void Origin::complete(std::unique_ptr<IdleTransfer> transfer) {
  if (requested_ > 0) --requested_;  // this response may have come too late to count
  if (transfer) {
    auto connection = std::make_unique<H1Connection>(*this, std::move(*transfer));
    // The kernel had no occasion yet to report its end to this worker.
    if (!connection->is_stale_now(pool_.reactor().now())) return deliver(std::move(connection));
  }
  dial_http1_for_waiters();
}

// --- connections of HTTP/1 ---------------------------------------------------------------------

// It is for the first in line that may use it. At the limit, a request before that, which needs a
// new connection, gets its slot: else all that are returned would pass it by, until queue_timeout.
void Origin::deliver(std::unique_ptr<H1Connection> connection) {
  bool passes_by = false;
  Waiter* const waiter = line_.first_for(*connection, passes_by);
  passes_by = passes_by && dialling_http1_ == 0 && !redial_.is_active();
  if (!waiter || (passes_by && is_wanted_elsewhere())) {
    if (keeps_none() || is_wanted_elsewhere()) return;
    idle_.add(std::move(connection));
    return pool_.enforce_size();
  }
  waiter->leave();
  waiter->lease.emplace(std::move(connection));
  waiter->changed.set();
}

void Origin::give_back(std::unique_ptr<H1Connection> connection) noexcept {
  ONEHOP_DCHECK(&connection->owner() == this && pool_.is_on_its_worker());
  try {
    if (connection->is_retired(pool_.reactor().now()) || connection->has_unread()) return;
    if (!connection->is_reserved()) return deliver(std::move(connection));
    // A handshake would never end if each of its messages met other requests that wait, or went
    // over a connection of its own: between two of them the connection is kept, for
    // pool_idle_timeout at most.
    if (pool_.is_retired() || !connection->may_be_kept()) return;
    if ((keeps_none() || is_wanted_elsewhere()) && !connection->is_in_handshake()) return;
    idle_.add(std::move(connection));
    pool_.enforce_size();
  } catch (const std::bad_alloc&) {  // destructors call this as well
  }
}

// At the limit, a slot is worth more to a request that waits, on any worker, than to an idle
// connection.
bool Origin::is_wanted_elsewhere() const noexcept {
  const std::size_t max = pool_.options().max_connections;
  return max != 0 && shared_->waiting > 0 && shared_->open >= max;
}

bool Origin::keeps_none() const noexcept {
  return pool_.options().pool_size == 0 || pool_.is_retired();
}

void Origin::close_idle() {
  idle_.close_oldest(false);
  http2_.close_one_idle();
}

void Origin::close_all_idle() {
  idle_.clear();
  http2_.close_all_idle();
  // Also where only knowledge was kept.
  if (pool_.reactor().now() < http1_until_) use_.call_again(pool_.reactor().now());
}

// --- connections of HTTP/2 ---------------------------------------------------------------------

void Origin::look_again() {
  if (!speaks_http2()) return line_.wake_all_http2();
  line_.wake_http2(http2_.room());
  if (line_.waiting(Protocol::http2) > 0 && http2_.room() == 0) dial_http2();
}

void Origin::remove(H2Connection& connection) {
  const auto removed = http2_.remove(connection);
  ONEHOP_DCHECK(removed);
  if (!removed) return;
  if (!removed->was_used()) back_off();
  look_again_soon();
}

}  // namespace onehop::transport
