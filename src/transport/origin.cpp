// SPDX-License-Identifier: Apache-2.0
#include "transport/origin.hpp"

#include "base/check.hpp"
#include "base/promised_memory.hpp"

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

net::Destination reporting_to(net::DialReports& reports, net::Destination destination) {
  destination.reports = &reports;
  return destination;
}

}  // namespace

Origin::Origin(Keeper& keeper,
               PoolContext& pool,
               std::string key,
               const Url& url,
               net::Destination destination,
               ConnectionId client)
    : keeper_(keeper),
      pool_(pool),
      key_(std::move(key)),
      client_(client),
      scheme_(url.scheme()),
      authority_(url.authority()),
      destination_(reporting_to(*this, std::move(destination))),
      http1_destination_(without_http2(destination_)),
      shared_(pool.shared().origin(key_)),
      counts_(pool.shared().upstream(key_, url)),
      use_(pool.reactor(), io::call<&Origin::forget_if_useless>(this)),
      idle_(pool),
      look_again_(io::call<&Origin::look_again>(this)),
      dial_again_(io::call<&Origin::look_again_soon>(this)),
      line_(pool.reactor(), *shared_, look_again_),
      redial_(*this, pool.reactor(), pool.options(), line_.requests()) {
  if (!client_) return;
  client_end_.emplace(pool.reactor().endings(), client_.number(),
                      io::call<&Origin::close_all_idle>(this));
}

Origin::~Origin() {
  dials_.cancel();
  http2_.clear();  // their slots belong to the counters that are released below
  idle_.clear();
  pool_.shared().forget(key_, std::move(shared_));
}

// An origin remembers that the upstream speaks HTTP/1.1 as long as that is valid, but not for each
// client.
void Origin::forget_if_useless() {
  const bool is_useful = pool_.reactor().now() < http1_until_ && !pool_.is_retired() && !client_;
  if (!is_useful) return keeper_.forget(*this);
  use_.call_again(http1_until_);
}

std::shared_ptr<AddressCounters> Origin::counters_for(const std::string& address) {
  for (const auto& known : addresses_) {
    if (known->address == address) return known;
  }
  std::erase_if(addresses_, [](const auto& each) { return each->open.value() == 0; });
  return addresses_.emplace_back(counts_->counters_for(address));
}

bool Origin::matches(const Url& url,
                     std::string_view connect_address,
                     ConnectionId client) const noexcept {
  return url.authority() == authority_ && client == client_ && url.scheme() == scheme_ &&
         connect_address == destination_.connect_address &&
         (destination_.socket_path.empty() || url.socket_path() == destination_.socket_path);
}

// --- leases ------------------------------------------------------------------------------------

std::optional<Lease> Origin::try_lease(const Need& need) {
  ONEHOP_DCHECK(pool_.is_on_its_worker());
  if (goes_over_http2(need)) {
    if (line_.waiting(Protocol::http2) > 0) return std::nullopt;  // the waiting requests come first
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

// For a request that may not be sent twice, first reads what has arrived on the connection.
H2Connection* Origin::try_http2(const Need& need) {
  while (H2Connection* const connection = http2_.best(need.settings)) {
    if (need.reuse == Reuse::any || connection->takes_requests_after_a_look()) return connection;
  }
  return nullptr;
}

// Measures how long a request waits for a connection.
class Origin::CountedWait {
 public:
  explicit CountedWait(PoolContext& pool) noexcept : pool_(pool), began_(pool.reactor().now()) {}
  CountedWait(const CountedWait&) = delete;
  CountedWait& operator=(const CountedWait&) = delete;
  ~CountedWait() { pool_.counters().waits.add(pool_.reactor().now() - began_); }

 private:
  PoolContext& pool_;
  const net::Time began_;
};

// A request that has asked another worker for a connection. It ends when that worker responds, or
// when the request stops waiting: a worker that has ended never responds.
class Origin::Asked : public ListNode {
 public:
  explicit Asked(Origin& origin) noexcept : origin_(origin) {
    origin_.asked_.push_back(*this);
    ++origin_.requested_;
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() { end(); }
  void end() noexcept {
    if (!is_linked()) return;
    unlink();
    --origin_.requested_;
  }

 private:
  Origin& origin_;
};

task<Result<Lease>> Origin::lease(Need need, net::Time began) {
  const CountedWait counted(pool_);
  Waiter waiter(line_, use_, need, began, pool_.options().hold);
  // Promises the memory of a stream until there is one, because many requests may wait for one.
  MemoryPromise claim(goes_over_http2(need) ? kStreamWindow : 0);
  for (bool first = true; goes_over_http2(need); first = false) {
    waiter.join(Protocol::http2);  // before a dial, which may fail at once
    if (!http2_.best(false) && !dial_http2()) {
      close_any_idle();
      if (!dial_http2()) pool_.shared().ask_for_slot(key_, pool_.member());
    }
    // Only for the first dial: a dial may yield no connection for this request, and so may the
    // next.
    const bool is_dialled_for = first && is_dialling_http2_;
    // The requests before it may have been woken and may leave room; no other event may follow.
    if (http2_.best(need.settings)) look_again_soon();
    const auto waited = co_await redial_.wait(waiter, is_dialled_for);
    waiter.leave();
    if (waiter.error) co_return failure(*waiter.error);
    if (waiter.lease) co_return std::move(*waiter.lease);
    if (!goes_over_http2(need)) break;
    if (H2Connection* connection = try_http2(need)) co_return Lease(*connection);
    if (!waited) co_return failure(waited.error());
  }
  claim.redeem();  // it goes over HTTP/1
  if (auto connection = try_http1(need)) co_return Lease(std::move(connection));
  co_return co_await wait_for_http1(waiter);
}

task<Result<Lease>> Origin::wait_for_http1(Waiter& waiter) {
  waiter.join(Protocol::http1);
  bool served = false;
  std::optional<Asked> asked;
  if (request_from_other_workers(waiter.need.reuse)) asked.emplace(*this);
  if (requested_ > 0) {
    const net::Time patience = io::deadline_after(pool_.reactor().now(), kTransferPatience);
    served = co_await waiter.changed.wait(patience);
  }
  if (!served) {
    asked.reset();
    dial_http1_for_waiters();
    if (lacks_dials() && !redial_.is_active()) {
      close_any_idle();  // too old for this request, or of the other version
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
  if (destination_.tls || client_) return false;  // only a plain socket can change its worker
  if (dialling_http1_ + requested_ >= line_.waiting(Protocol::http1)) return false;
  return pool_.shared().request(key_, reuse, pool_.member());
}

std::unique_ptr<IdleTransfer> Origin::offer(Reuse reuse) {
  auto connection = idle_.try_take(reuse);
  if (!connection) return nullptr;
  auto transfer = connection->into_transfer();
  if (!transfer) give_back(std::move(connection));
  return transfer;
}

void Origin::complete(std::unique_ptr<IdleTransfer> transfer) {
  if (!asked_.empty()) asked_.front().end();  // unless it came too late to count
  if (transfer) {
    auto connection = std::make_unique<H1Connection>(*this, std::move(*transfer));
    // The kernel has had no occasion yet to report the end of the connection to this worker.
    if (!connection->is_stale_now(pool_.reactor().now())) return deliver(std::move(connection));
  }
  dial_http1_for_waiters();
}

// --- connections of HTTP/1 ---------------------------------------------------------------------

// Delivers the connection to the first request in line that may use it. At the limit, if requests
// before that one need a new connection, it is closed to free its slot for them; otherwise each
// returned connection would pass them by, until queue_timeout.
void Origin::deliver(std::unique_ptr<H1Connection> connection) {
  bool passes_by = false;
  Waiter* const waiter = line_.first_for(*connection, passes_by);
  passes_by = passes_by && dialling_http1_ == 0 && !redial_.is_active();
  if (!waiter || (passes_by && gives_way())) {
    if (keeps_none() || gives_way() || connection->is_abandoned()) return;
    // With one origin per client, looking for the oldest connection would take too long.
    if (client_ && pool_.is_full()) return;
    idle_.add(std::move(connection));
    return pool_.enforce_size();
  }
  hand_over(*waiter, std::move(connection));
}

void Origin::hand_over(Waiter& waiter, std::unique_ptr<H1Connection> connection) {
  waiter.leave();
  waiter.lease.emplace(std::move(connection));
  waiter.changed.set();
}

void Origin::give_back(std::unique_ptr<H1Connection> connection) noexcept {
  ONEHOP_DCHECK(&connection->owner() == this && pool_.is_on_its_worker());
  try {
    if (connection->is_retired(pool_.reactor().now()) || connection->has_unread()) return;
    if (!connection->is_reserved()) return deliver(std::move(connection));
    // A handshake would never end if other requests in line got the connection between its
    // messages, or if each message went over a different connection. So the connection is kept
    // between two messages, for pool_idle_timeout at most.
    if (pool_.is_retired() || connection->is_abandoned() || !connection->may_be_kept()) return;
    if ((keeps_none() || gives_way()) && !connection->is_in_handshake()) return;
    idle_.add(std::move(connection));
    pool_.enforce_size();
  } catch (const std::bad_alloc&) {  // destructors call this function too
  }
}

// At the limit, a slot is worth more to a waiting request, on any worker, than to an idle
// connection.
bool Origin::gives_way() const noexcept {
  return is_above_limit() || (shared_->waiting > 0 && is_at_limit());
}

bool Origin::is_at_limit() const noexcept {
  return shared_->open - http2_.closing() >= pool_.shared().max_connections();
}

// Above a limit that was lowered, idle connections are closed to reach it.
bool Origin::is_above_limit() const noexcept {
  return shared_->open - http2_.closing() > pool_.shared().max_connections();
}

bool Origin::keeps_none() const noexcept {
  return pool_.options().pool_size == 0 || takes_nothing();
}

bool Origin::close_idle() {
  const std::size_t before = idle_.size();
  idle_.close_oldest(false);
  const bool has_closed = http2_.close_one_idle() || idle_.size() < before;
  owes_slot_ = !has_closed;
  return has_closed;
}

void Origin::close_any_idle() {
  if (!close_idle() && client_) keeper_.close_idle(key_);
}

void Origin::close_all_idle() {
  idle_.clear();
  http2_.close_all_idle();
  // Also lets the pool forget an origin that is kept only to remember HTTP/1.1.
  if (pool_.reactor().now() < http1_until_) use_.call_again(pool_.reactor().now());
}

void Origin::close_abandoned() {
  idle_.clear();
  http2_.end_all();
}

// --- connections of HTTP/2 ---------------------------------------------------------------------

void Origin::look_again() {
  if (!speaks_http2()) {
    line_.wake_all_http2();
  } else {
    line_.wake_http2(http2_.room());
    if (line_.waiting(Protocol::http2) > 0 && http2_.room() == 0) dial_http2();
  }
  if (line_.waiting(Protocol::http2) > 0) return;  // they may use what is idle
  if (takes_nothing()) http2_.close_all_idle();
  while (is_above_limit() && http2_.close_one_idle()) {
  }
  // Requests count as waiting while they dial, so only one that found no slot ends a connection.
  if (!owes_slot_) return;
  if (!gives_way() || http2_.close_one_idle()) owes_slot_ = false;
}

void Origin::remove(H2Connection& connection) {
  const auto removed = http2_.remove(connection);
  ONEHOP_DCHECK(removed);
  if (!removed) return;
  if (!removed->was_used()) back_off();
  look_again_soon();
}

}  // namespace onehop::transport
