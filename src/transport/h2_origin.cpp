// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_origin.hpp"

#include "io/event.hpp"

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

// A request without a connection; lives in its coroutine. It is only told to look again: what it
// was promised could be gone by then.
struct H2Origin::Waiter : ListNode {
  Waiter(H2Origin& o, net::Time b) noexcept
      : origin(o), hold(o.usage_), changed(o.pool_.reactor()), began(b) {
    ++origin.shared_->waiting;
  }
  ~Waiter() {
    --origin.shared_->waiting;
    if (changed.is_set()) origin.look_again_soon();  // told in vain: it is the next one's
  }

  H2Origin& origin;
  const Usage::Hold hold;
  io::Event changed;
  std::optional<Error> error;
  net::Time began;
};

H2Origin::H2Origin(ConnectionPool& pool, std::string key, net::Destination destination)
    : pool_(pool),
      key_(std::move(key)),
      destination_(std::move(destination)),
      shared_(pool.shared().origin(key_)),
      usage_(
          pool.reactor(),
          [](void* self) { static_cast<H2Origin*>(self)->forget_if_useless(); },
          this),
      look_again_([](void* self) { static_cast<H2Origin*>(self)->look_again(); }, this),
      dial_again_([](void* self) { static_cast<H2Origin*>(self)->look_again_soon(); }, this),
      redial_(
          pool.reactor(),
          [](void* self) { static_cast<H2Origin*>(self)->dial_again_after_failure(); },
          this) {}

H2Origin::~H2Origin() {
  dials_.cancel();
  connections_.clear();  // their slots are of what is forgotten here
  pool_.shared().forget(key_, std::move(shared_));
}

// What it knows of the upstream is kept as long as it counts.
void H2Origin::forget_if_useless() {
  if (speaks_http2() || pool_.is_retired()) return pool_.forget(*this);
  usage_.call_again(http1_until_);
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
  std::optional<net::Time> deadline;
  for (bool first = true;; first = false) {
    waiters_.push_back(waiter);  // first: a dial may fail at once
    if (!best(Need::room) && !begin_dial() && connections_.empty()) {
      pool_.close_idle(key_);  // of HTTP/1
      if (!begin_dial()) pool_.shared().ask_for_slot(key_, pool_);
    }
    // A dial ends by itself, but what comes of it may be of no use, and so may the next.
    if (!deadline && !(first && dialling_)) deadline = deadline_for(began);
    // Those before it were told, perhaps, and leave room: nothing else may happen here any more.
    if (best(need)) look_again_soon();
    const bool told = co_await waiter.changed.wait(deadline.value_or(io::kNever));
    static_cast<ListNode&>(waiter).unlink();
    if (waiter.error) co_return failure(*waiter.error);
    if (!speaks_http2()) co_return nullptr;
    if (H2Connection* connection = best(need)) co_return connection;
    if (!told) {
      if (redial_.is_active()) co_return failure(final_error(redial_.reason()));
      co_return failure(
          Error(Errc::no_connection_slot, Side::upstream).during(Phase::queue).retry_safe(true));
    }
  }
}

void H2Origin::use_http1() {
  if (!destination_.tls) return;
  http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
  look_again_soon();
}

// Who finds no room waits on, but not for a dial any more.
void H2Origin::wake_everybody() {
  IntrusiveList<Waiter> woken;
  while (Waiter* waiter = waiters_.pop_front()) {
    woken.push_back(*waiter);
    waiter->changed.set();
  }
  waiters_.splice_back(woken);  // until they have looked
}

void H2Origin::look_again() {
  if (!speaks_http2()) return wake_everybody();
  std::size_t free = room();
  IntrusiveList<Waiter> woken;
  while (free-- > 0 && !waiters_.empty()) {
    Waiter& waiter = *waiters_.pop_front();
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

void H2Origin::dialled_in_vain() noexcept {
  no_dial_before_ = pool_.reactor().now() + kBetweenVainDials;
}

net::Time H2Origin::deadline_for(net::Time began) const noexcept {
  const Transport::Options& options = pool_.options();
  const net::Time queue = io::deadline_after(pool_.reactor().now(), options.queue_timeout);
  if (!redial_.is_active()) return queue;
  const net::Time held = std::max(queue, io::deadline_after(began, options.hold));
  return io::deadline_after(held, options.connect_timeout);
}

void H2Origin::fail_those_out_of_patience(const Error& error) {
  const net::Time now = pool_.reactor().now();
  IntrusiveList<Waiter> all;
  all.splice_back(waiters_);
  while (Waiter* waiter = all.pop_front()) {
    if (waits_until(error, pool_.options(), waiter->began) > now) {
      waiters_.push_back(*waiter);
      continue;
    }
    waiter->error = final_error(error);
    waiter->changed.set();
  }
}

void H2Origin::dial_again_after_failure() {
  const Error reason = redial_.reason();
  redial_.end();
  fail_those_out_of_patience(reason);
  if (waiters_.empty()) return;
  if (dialling_ || !begin_dial()) redial_.begin(reason);
}

// False when there is no slot for it.
bool H2Origin::begin_dial() {
  if (dialling_ || redial_.is_active() || allows_none()) return true;
  if (pool_.reactor().now() < no_dial_before_) {
    pool_.reactor().timers().arm(dial_again_, no_dial_before_);
    return true;
  }
  std::optional<Slot> slot = pool_.shared().try_slot(shared_);
  if (!slot) return false;
  dialling_ = true;
  dials_.spawn(dial(std::make_unique<Slot>(std::move(*slot))));
  return true;
}

void H2Origin::dial_for_waiters() {
  if (!waiters_.empty() && room() == 0) begin_dial();
}

task<void> H2Origin::dial(std::unique_ptr<Slot> slot) {
  const Usage::Hold hold(usage_);
  Result<net::Dialled> dialled = failure(Errc::overloaded, Side::local);
  try {
    dialled = co_await pool_.dialer().dial(destination_);
  } catch (const std::bad_alloc&) {  // those who wait hear of it, and the next dial is not blocked
  }
  dialling_ = false;
  if (dialled) {
    redial_.end();
    pool_.counters().dialled.add(1);
    if (const TlsInfo* const tls = dialled->stream->tls(); tls && tls->protocol != "h2") {
      http1_until_ = io::deadline_after(pool_.reactor().now(), kForgetHttp1);
      net::Destination http1 = destination_;
      http1.http2 = false;
      pool_.origin(key_, http1)
          .adopt(std::move(*slot), std::move(dialled->stream), std::move(dialled->address));
      wake_everybody();
      co_return;
    }
    connections_.push_back(std::make_unique<H2Connection>(
        *this, std::move(*slot), std::move(dialled->stream), std::move(dialled->address)));
    connections_.back()->start();
    wake_everybody();
    co_return;
  }
  slot.reset();
  const Error& error = dialled.error();
  const bool has_others = std::any_of(connections_.begin(), connections_.end(),
                                      [](const auto& each) { return each->takes_requests(); });
  if (has_others) {  // which are full, but will not be for ever
    dialled_in_vain();
    wake_everybody();
    co_return;
  }
  if (is_short_of_descriptors(error)) pool_.close_one_idle();
  fail_those_out_of_patience(error);
  if (!waiters_.empty()) redial_.begin(error);
}

void H2Origin::remove(H2Connection& connection) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == connections_.end()) return;
  const std::unique_ptr<H2Connection> removed = std::move(*found);
  connections_.erase(found);
  if (!removed->was_used()) dialled_in_vain();
  look_again_soon();
}

void H2Origin::close_one_idle() {
  for (const auto& connection : connections_) {
    if (connection->streams() == 0) return connection->close_idle();
  }
}

void H2Origin::close_all_idle() {
  for (const auto& connection : connections_) {
    if (connection->streams() == 0) connection->close_idle();
  }
  usage_.call_again(pool_.reactor().now());  // also where only knowledge was kept
}

}  // namespace onehop::transport
