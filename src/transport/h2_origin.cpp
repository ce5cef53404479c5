// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_origin.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::transport {
namespace {

// An upstream that chose HTTP/1.1, or asked for it, is offered HTTP/2 again after this long.
constexpr net::Duration kForgetHttp1 = std::chrono::minutes(5);
// The least between two connections where the first was for nothing.
constexpr net::Duration kBetweenVainDials = std::chrono::milliseconds(100);

}  // namespace

// It is only told to look again: what it was promised could be gone by then.
struct H2Origin::Waiter final : WaitingRequest {
  Waiter(H2Origin& o, net::Time b) noexcept
      : WaitingRequest(o.pool_.reactor(), b), origin(o), ref(o.use_) {
    ++origin.shared_->waiting;
  }
  ~Waiter() {
    --origin.shared_->waiting;
    if (changed.is_set()) origin.look_again_soon();  // told in vain: it is the next one's
  }

  H2Origin& origin;
  const OriginUse::Ref ref;
};

H2Origin::H2Origin(Keeper& keeper, PoolContext& pool, std::string key, net::Destination destination)
    : keeper_(keeper),
      pool_(pool),
      key_(std::move(key)),
      destination_(std::move(destination)),
      shared_(pool.shared().origin(key_)),
      use_(
          pool.reactor(),
          [](void* self) { static_cast<H2Origin*>(self)->forget_if_useless(); },
          this),
      look_again_([](void* self) { static_cast<H2Origin*>(self)->look_again(); }, this),
      dial_again_([](void* self) { static_cast<H2Origin*>(self)->look_again_soon(); }, this),
      redial_(
          pool.reactor(),
          pool.options(),
          waiters_,
          [](void* self) {
            auto& origin = *static_cast<H2Origin*>(self);
            return !origin.dialling_ && origin.dial_now();
          },
          this) {}

H2Origin::~H2Origin() {
  dials_.cancel();
  connections_.clear();  // their slots are of what is forgotten here
  pool_.shared().forget(key_, std::move(shared_));
}

// What it knows of the upstream is kept as long as it counts.
void H2Origin::forget_if_useless() {
  if (speaks_http2() || pool_.is_retired()) return keeper_.forget(*this);
  use_.call_again(http1_until_);
}

bool H2Origin::matches(const Url& url) const noexcept {
  return url.port() == destination_.port && destination_.tls == (url.scheme() == "https") &&
         url.host() == destination_.host;
}

// The fullest that is not busy, so that the others may go; or the emptiest of the busy ones.
H2Connection* H2Origin::best(Need need) const noexcept {
  H2Connection* chosen = nullptr;
  for (const auto& connection : connections_) {
    if (!connection->has_room()) continue;
    if (need == Need::settings && !connection->knows_settings()) continue;
    if (!chosen) {
      chosen = connection.get();
    } else if (connection->is_busy() != chosen->is_busy()) {
      if (chosen->is_busy()) chosen = connection.get();
    } else if ((connection->streams() > chosen->streams()) != chosen->is_busy()) {
      chosen = connection.get();
    }
  }
  return chosen;
}

std::size_t H2Origin::room() const noexcept {
  std::size_t room = 0;
  for (const auto& connection : connections_)
    room += connection->room();
  return room;
}

H2Connection* H2Origin::try_take(Need need) {
  if (!waiters_.empty()) return nullptr;  // these come first
  H2Connection* connection = best(need);
  if (connection && connection->is_busy()) begin_dial();
  return connection;
}

task<Result<H2Connection*>> H2Origin::take(Need need, net::Time began) {
  Waiter waiter(*this, began);
  for (bool first = true;; first = false) {
    waiters_.push_back(waiter);  // first: a dial may fail at once
    if (!best(Need::room) && !begin_dial() && connections_.empty()) {
      keeper_.close_idle(key_);  // of HTTP/1
      if (!begin_dial()) pool_.shared().ask_for_slot(key_, pool_.member());
    }
    // Once alone: what comes of a dial may be of no use, and so may the next.
    const bool is_dialled_for = first && dialling_;
    // Those before it were told, perhaps, and leave room: nothing else may happen here any more.
    if (best(need)) look_again_soon();
    const auto waited = co_await redial_.wait(waiter, is_dialled_for);
    waiter.leave();
    if (waiter.error) co_return failure(*waiter.error);
    if (!speaks_http2()) co_return nullptr;
    if (H2Connection* connection = best(need)) co_return connection;
    if (!waited) co_return failure(waited.error());
  }
}

void H2Origin::use_http1() {
  if (!destination_.tls) return;
  http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
  look_again_soon();
}

// Who finds no room waits on, but not for a dial any more.
void H2Origin::wake_everybody() {
  IntrusiveList<WaitingRequest> woken;
  while (WaitingRequest* waiter = waiters_.pop_front()) {
    woken.push_back(*waiter);
    waiter->changed.set();
  }
  waiters_.splice_back(woken);  // until they have looked
}

void H2Origin::look_again() {
  if (!speaks_http2()) return wake_everybody();
  std::size_t free = room();
  IntrusiveList<WaitingRequest> woken;
  while (free-- > 0 && !waiters_.empty()) {
    WaitingRequest& waiter = *waiters_.pop_front();
    woken.push_back(waiter);
    waiter.changed.set();
  }
  waiters_.splice_back(woken);  // until they have looked
  if (!waiters_.empty() && room() == 0) begin_dial();
}

// RFC 9113 §5.1.2: an upstream that allows no requests for the moment; one connection more would
// not change that.
bool H2Origin::allows_none() const noexcept {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& each) { return each->allows_none(); });
}

void H2Origin::back_off() noexcept {
  no_dial_before_ = pool_.reactor().now() + kBetweenVainDials;
}

// False when there is no slot for it, or no memory.
bool H2Origin::begin_dial() {
  if (dialling_ || redial_.is_active() || allows_none()) return true;
  if (pool_.reactor().now() < no_dial_before_) {
    pool_.reactor().timers().arm(dial_again_, no_dial_before_);
    return true;
  }
  return dial_now();
}

bool H2Origin::dial_now() {
  std::optional<Slot> slot = pool_.shared().try_slot(shared_);
  if (!slot) return false;
  try {
    dials_.spawn(dial(std::make_unique<Slot>(std::move(*slot))));
  } catch (const std::bad_alloc&) {
    back_off();  // all who wait are told that the slot is free again
    return false;
  }
  return true;
}

void H2Origin::dial_for_waiters() {
  if (!waiters_.empty() && room() == 0) begin_dial();
}

task<void> H2Origin::dial(std::unique_ptr<Slot> slot) {
  const OriginUse::Ref ref(use_);
  dialling_ = true;
  Result<void> added = failure(Errc::overloaded, Side::local);
  try {
    auto dialled = co_await pool_.dialer().dial(destination_);
    added = add(*slot, std::move(dialled));
  } catch (const std::bad_alloc&) {  // those who wait hear of it, and the next dial is not blocked
  }
  dialling_ = false;
  if (added) {
    redial_.end();
    wake_everybody();
    co_return;
  }
  slot.reset();
  const bool has_others = std::any_of(connections_.begin(), connections_.end(),
                                      [](const auto& each) { return each->takes_requests(); });
  if (has_others) {  // which are full, but will not be for ever
    redial_.end();
    back_off();
    wake_everybody();
    co_return;
  }
  if (is_short_of_descriptors(added.error())) pool_.close_one_idle();
  redial_.dial_failed(std::move(added.error()));
}

Result<void> H2Origin::add(Slot& slot, Result<net::Dialled> dialled) {
  if (!dialled) return failure(std::move(dialled.error()));
  pool_.counters().dialled.add(1);
  if (const TlsInfo* const tls = dialled->stream->tls(); tls && tls->protocol != "h2") {
    http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
    net::Destination http1 = destination_;
    http1.http2 = false;
    keeper_.origin(key_, http1)
        .adopt(std::move(slot), std::move(dialled->stream), std::move(dialled->address));
    return {};
  }
  connections_.reserve(connections_.size() + 1);  // one that runs is among them
  auto connection = std::make_unique<H2Connection>(
      *this, std::move(slot), std::move(dialled->stream), std::move(dialled->address));
  connection->start();  // where that finds no memory, requests would wait on it for ever
  connections_.push_back(std::move(connection));
  return {};
}

void H2Origin::remove(H2Connection& connection) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == connections_.end()) return;
  const std::unique_ptr<H2Connection> removed = std::move(*found);
  connections_.erase(found);
  if (!removed->was_used()) back_off();
  look_again_soon();
}

bool H2Origin::close_one_idle() {
  for (const auto& connection : connections_) {
    // The SETTINGS of a new one may be waited for.
    if (connection->streams() > 0 || !connection->knows_settings()) continue;
    if (!connection->takes_requests()) continue;  // it is on its way out
    connection->close_idle();
    return true;
  }
  return false;
}

void H2Origin::close_all_idle() {
  for (const auto& connection : connections_) {
    if (connection->streams() == 0) connection->close_idle();
  }
  use_.call_again(pool_.reactor().now());  // also where only knowledge was kept
}

}  // namespace onehop::transport
