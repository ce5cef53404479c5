// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include "transport/h2_origin.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kRecent = std::chrono::seconds(1);
constexpr net::Duration kSweepEvery = std::chrono::milliseconds(250);
constexpr std::uint64_t kRequestsReportedAtOnce = 32;
// How long a thread that may be busy is waited for before a connection is made after all.
constexpr net::Duration kAskFor = std::chrono::milliseconds(2);

h1::Limits limits_of(const Transport::Options& options) {
  h1::Limits limits;
  limits.max_header_bytes = h1::bounded(options.max_response_header_bytes);
  limits.max_header_fields = options.max_response_header_fields;
  return limits;
}

net::Destination destination_of(const Url& url) {
  if (url.scheme() == "unix") return net::Destination(std::string(url.socket_path()));
  return net::Destination(std::string(url.host()), url.port(), url.scheme() == "https");
}

void add(Transport::Statistics& sum, const Counters& counters) {
  sum.open += counters.open.value();
  sum.idle += counters.idle.value();
  sum.dialled += counters.dialled.value();
  sum.reused += counters.reused.value();
  sum.retried += counters.retried.value();
}

std::string key_of(const Url& url) {
  std::string key(url.scheme());
  key += '|';
  key += url.scheme() == "unix" ? url.socket_path() : url.host();
  key += '|';
  key += std::to_string(url.port());
  return key;
}

}  // namespace

// --- shared by threads -------------------------------------------------------------------------

std::shared_ptr<SharedOrigin> SharedPools::origin(const std::string& key) {
  const std::lock_guard lock(mutex);
  std::shared_ptr<SharedOrigin>& origin = origins[key];
  if (!origin) origin = std::make_shared<SharedOrigin>();
  return origin;
}

void SharedPools::forget(const std::string& key, std::shared_ptr<SharedOrigin> origin) {
  const std::lock_guard lock(mutex);
  origin.reset();
  const auto found = origins.find(key);
  if (found != origins.end() && found->second.use_count() == 1) origins.erase(found);
}

std::optional<Slot> SharedPools::try_slot(const std::shared_ptr<SharedOrigin>& origin) {
  const std::size_t most = options.max_connections;
  const std::size_t before = origin->open++;
  if (most != 0 && before >= most) {
    --origin->open;
    return std::nullopt;
  }
  return Slot(*this, origin);
}

void SharedPools::note_free_slot(const SharedOrigin& origin) {
  if (origin.waiting == 0) return;
  const std::lock_guard lock(mutex);
  for (ConnectionPool* pool : pools) {
    pool->reactor().post([pool] { pool->dial_for_waiters(); });
  }
}

Transport::Statistics SharedPools::statistics() const {
  const std::lock_guard lock(mutex);
  Transport::Statistics sum = of_ended_pools;
  for (ConnectionPool* pool : pools)
    add(sum, pool->counters());
  return sum;
}

bool SharedPools::ask_for_connection(const std::string& key,
                                     Freshness freshness,
                                     ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  ConnectionPool* richest = nullptr;
  for (ConnectionPool* pool : pools) {
    if (pool == &asker || pool->counters().idle.value() == 0) continue;
    if (!richest || pool->counters().idle.value() > richest->counters().idle.value())
      richest = pool;
  }
  if (!richest) return false;
  richest->reactor().post(
      [richest, key, freshness, &asker] { richest->give_away(key, freshness, asker); });
  return true;
}

void SharedPools::answer(const std::string& key,
                         std::unique_ptr<Handover> handover,
                         ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  if (std::find(pools.begin(), pools.end(), &asker) == pools.end()) return;  // it has ended
  // std::function wants to be copied.
  const auto parcel = std::make_shared<std::unique_ptr<Handover>>(std::move(handover));
  asker.reactor().post([&asker, key, parcel] { asker.end_asking(key, std::move(*parcel)); });
}

void SharedPools::ask_for_slot(const std::string& key, const ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  for (ConnectionPool* pool : pools) {
    if (pool != &asker) pool->reactor().post([pool, key] { pool->close_idle(key); });
  }
}

Slot::~Slot() {
  if (!origin_) return;  // moved from
  --origin_->open;
  pools_.note_free_slot(*origin_);
}

// --- one origin --------------------------------------------------------------------------------

// A request without a connection; lives in its coroutine.
struct OriginPool::Waiter : ListNode {
  Waiter(OriginPool& o, Freshness f) noexcept
      : origin(o), hold(o.usage_), ready(o.pool_.reactor()), freshness(f) {
    origin.waiters_.push_back(*this);
    ++origin.waiting_;
    ++origin.shared_->waiting;
  }
  ~Waiter() {
    leave();
    if (connection) origin.give_back(std::move(connection));  // it came, and nobody took it
  }
  void leave() noexcept {
    if (!is_linked()) return;
    unlink();
    --origin.waiting_;
    --origin.shared_->waiting;
  }

  OriginPool& origin;
  const Usage::Hold hold;
  io::Event ready;
  std::unique_ptr<Connection> connection;
  std::optional<Error> error;
  Freshness freshness;
};

OriginPool::OriginPool(ConnectionPool& pool, std::string key, net::Destination destination)
    : pool_(pool),
      key_(std::move(key)),
      destination_(std::move(destination)),
      shared_(pool.shared().origin(key_)),
      usage_(
          pool.reactor(),
          [](void* self) {
            const auto& origin = *static_cast<OriginPool*>(self);
            origin.pool_.forget(origin);
          },
          this) {}

OriginPool::~OriginPool() {
  dials_.cancel();
  pool_.counters().idle.subtract(idle());
  pool_.note_reserved_gone(reserved_.size());
  idle_.clear();  // their slots are of what is forgotten here
  reserved_ = {};
  pool_.shared().forget(key_, std::move(shared_));
}

bool OriginPool::matches(const Url& url) const noexcept {
  if (url.scheme() == "unix") return url.socket_path() == destination_.socket_path;
  return destination_.socket_path.empty() && url.port() == destination_.port &&
         destination_.tls == (url.scheme() == "https") && url.host() == destination_.host;
}

std::unique_ptr<Connection> OriginPool::try_take(Freshness freshness) {
  if (freshness == Freshness::fresh) return nullptr;
  const net::Time now = pool_.reactor().now();
  while (!idle_.empty()) {
    if (!will_do(*idle_.back(), freshness)) break;
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    pool_.counters().idle.subtract(1);
    connection->become_busy();
    // The kernel has told of its end since it went idle, unless that was in this very pass.
    const bool ask =
        freshness == Freshness::recent && connection->idle_since_pass() == pool_.reactor().pass();
    if (ask ? connection->is_stale_now(now) : connection->is_stale(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

std::unique_ptr<Connection> OriginPool::try_take_reserved(ConnectionId client,
                                                          bool has_credentials) {
  const net::Time now = pool_.reactor().now();
  while (auto connection = reserved_.take(client, has_credentials)) {
    note_reserved_gone(1);
    connection->become_busy();
    if (connection->is_stale_now(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

task<Result<std::unique_ptr<Connection>>> OriginPool::take(Freshness freshness) {
  Waiter waiter(*this, freshness);
  bool served = false;
  const bool asks = ask_other_threads(freshness);
  if (asking_ > 0) {
    served = co_await waiter.ready.wait(io::deadline_after(pool_.reactor().now(), kAskFor));
  }
  if (!served) {
    if (asks && asking_ > 0) --asking_;  // a thread that has ended never answers
    dial_for_waiters();
    // Dialling ends by itself; only the wait for a slot needs a limit here.
    net::Time deadline = io::kNever;
    if (dialling_ < waiting_) {
      // Those of this thread are too old for this request, or of the other version.
      pool_.close_idle(key_);
      dial_for_waiters();
    }
    if (dialling_ < waiting_) {
      pool_.shared().ask_for_slot(key_, pool_);
      deadline = io::deadline_after(pool_.reactor().now(), pool_.options().queue_timeout);
    }
    served = co_await waiter.ready.wait(deadline);
  }
  if (!served) {
    co_return failure(
        Error(Errc::no_connection_slot, Side::upstream).during(Phase::queue).retry_safe(true));
  }
  if (waiter.error) co_return failure(*waiter.error);
  co_return std::move(waiter.connection);
}

bool OriginPool::ask_other_threads(Freshness freshness) {
  if (freshness == Freshness::fresh || pool_.shared().threads < 2) return false;
  if (destination_.tls) return false;  // only a socket can change its thread
  if (dialling_ + asking_ >= waiting_) return false;
  if (!pool_.shared().ask_for_connection(key_, freshness, pool_)) return false;
  ++asking_;
  return true;
}

void OriginPool::end_asking(std::unique_ptr<Handover> handover) {
  if (asking_ > 0) --asking_;  // this one may have come too late to count
  if (handover) {
    auto connection = std::make_unique<Connection>(*this, std::move(*handover));
    // The kernel had no occasion yet to tell this thread of its end.
    if (!connection->is_stale_now(pool_.reactor().now())) return deliver(std::move(connection));
  }
  dial_for_waiters();
}

void OriginPool::dial_for_waiters() {
  while (dialling_ < waiting_) {
    std::optional<Slot> slot = pool_.shared().try_slot(shared_);
    if (!slot) return;
    ++dialling_;
    dials_.spawn(dial(std::make_unique<Slot>(std::move(*slot))));
  }
}

task<void> OriginPool::dial(std::unique_ptr<Slot> slot) {
  const Usage::Hold hold(usage_);
  auto dialled = co_await pool_.dialer().dial(destination_);
  --dialling_;
  if (dialled) {
    pool_.counters().dialled.add(1);
    auto connection = std::make_unique<Connection>(
        *this, std::move(*slot), std::move(dialled->stream), std::move(dialled->address));
    deliver(std::move(connection));
    co_return;
  }
  slot.reset();
  if (dialling_ >= waiting_) co_return;  // whom it was for has got one that came back
  Waiter& waiter = waiters_.front();
  waiter.leave();
  waiter.error = dialled.error();
  waiter.ready.set();
}

bool OriginPool::will_do(const Connection& connection, Freshness freshness) const noexcept {
  switch (freshness) {
    case Freshness::any:
      return true;
    case Freshness::recent:
      return pool_.reactor().now() - connection.idle_since() <= kRecent;
    case Freshness::fresh:
      break;
  }
  return !connection.is_reused();
}

// The next in line gets it, or nobody does.
void OriginPool::deliver(std::unique_ptr<Connection> connection) {
  if (waiters_.empty() || !will_do(*connection, waiters_.front().freshness)) {
    make_idle(std::move(connection));
    return;
  }
  Waiter& waiter = waiters_.front();
  waiter.leave();
  waiter.connection = std::move(connection);
  waiter.ready.set();
}

void OriginPool::adopt(Slot slot, std::unique_ptr<net::Stream> stream, std::string address) {
  auto connection =
      std::make_unique<Connection>(*this, std::move(slot), std::move(stream), std::move(address));
  if (waiters_.empty()) {
    keep(std::move(connection));  // the request it was made for is on its way here
  } else {
    deliver(std::move(connection));
  }
}

void OriginPool::give_back(std::unique_ptr<Connection> connection) {
  if (connection->is_retired(pool_.reactor().now()) || connection->has_unread()) return;
  if (connection->is_reserved()) {
    keep_reserved(std::move(connection));
  } else {
    deliver(std::move(connection));
  }
}

// At the limit, a slot is worth more to a request that waits, of another thread as well, than to
// nobody here.
bool OriginPool::is_wanted_elsewhere() const noexcept {
  const std::size_t most = pool_.options().max_connections;
  return most != 0 && shared_->waiting > 0 && shared_->open >= most;
}

void OriginPool::make_idle(std::unique_ptr<Connection> connection) {
  if (pool_.options().pool_size == 0 || is_wanted_elsewhere()) return;
  keep(std::move(connection));
  pool_.enforce_size();
}

// A handshake would never come to its end if each of its messages met others who wait: between two
// of them the connection is kept, for pool_idle_timeout at most.
void OriginPool::keep_reserved(std::unique_ptr<Connection> connection) {
  if (pool_.options().pool_size == 0 || !connection->may_be_kept()) return;
  if (is_wanted_elsewhere() && !connection->is_in_handshake()) return;
  connection->become_idle(pool_.options().pool_idle_timeout);
  reserved_.add(std::move(connection));
  pool_.note_reserved_idle();
  pool_.counters().idle.add(1);
  pool_.arm_sweep();
  pool_.enforce_size();
}

void OriginPool::note_reserved_gone(std::size_t count) noexcept {
  pool_.note_reserved_gone(count);
  pool_.counters().idle.subtract(count);
}

void OriginPool::keep(std::unique_ptr<Connection> connection) {
  connection->become_idle(pool_.options().pool_idle_timeout);
  // What was idle elsewhere before, or was lent and not used, is not among the youngest.
  auto place = idle_.end();
  while (place != idle_.begin() && (*(place - 1))->idle_since() > connection->idle_since())
    --place;
  idle_.insert(place, std::move(connection));
  pool_.counters().idle.add(1);
  pool_.arm_sweep();
}

void OriginPool::drop(const Connection& connection) {
  if (connection.is_reserved()) {
    if (const auto reserved = reserved_.remove(connection)) note_reserved_gone(1);
    return;
  }
  const auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == idle_.end()) return;
  const std::unique_ptr<Connection> dropped = std::move(*found);
  idle_.erase(found);
  pool_.counters().idle.subtract(1);
}

void OriginPool::sweep(net::Time now) {
  const std::size_t before = idle_.size();
  std::erase_if(idle_, [now](const auto& connection) { return connection->is_stale(now); });
  pool_.counters().idle.subtract(before - idle_.size());
  note_reserved_gone(reserved_.sweep(now));
}

// A reserved one last: its client would have to authenticate again.
void OriginPool::close_oldest(bool handshakes_too) {
  if (!idle_.empty()) {
    drop(*idle_.front());
  } else if (const auto reserved = reserved_.take_oldest(handshakes_too)) {
    note_reserved_gone(1);
  }
}

// --- one thread --------------------------------------------------------------------------------

ConnectionPool::ConnectionPool(io::Reactor& reactor,
                               std::shared_ptr<SharedPools> shared,
                               std::unique_ptr<net::Dialer> dialer)
    : reactor_(reactor),
      shared_(std::move(shared)),
      dialer_(std::move(dialer)),
      limits_(limits_of(shared_->options)),
      parsers_(h1::HeadKind::response, limits_),
      sweep_(&ConnectionPool::on_sweep, this) {
  const std::lock_guard lock(shared_->mutex);
  shared_->pools.push_back(this);
  ++shared_->threads;
}

ConnectionPool::~ConnectionPool() {
  while (PoolUser* user = users_.pop_front())
    user->pool_ended();
  {
    const std::lock_guard lock(shared_->mutex);
    std::erase(shared_->pools, this);
    --shared_->threads;
    shared_->of_ended_pools.dialled += counters_.dialled.value();
    shared_->of_ended_pools.reused += counters_.reused.value();
    shared_->of_ended_pools.retried += counters_.retried.value();
  }
  h2_origins_.clear();
  origins_.clear();
}

Retirement ConnectionPool::new_retirement() const noexcept {
  return Retirement(options(), reactor_.now(), counters_.dialled.value());
}

void ConnectionPool::note_request() noexcept {
  if (++unreported_requests_ < kRequestsReportedAtOnce) return;
  shared_->budget.note_requests(std::exchange(unreported_requests_, 0), reactor_.now());
}

bool ConnectionPool::try_retry() noexcept {
  shared_->budget.note_requests(std::exchange(unreported_requests_, 0), reactor_.now());
  return shared_->budget.try_retry(reactor_.now());
}

OriginPool& ConnectionPool::origin(const Url& url) {
  if (last_ && last_->matches(url)) return *last_;
  OriginPool& found = origin(key_of(url), destination_of(url));
  last_ = &found;
  return found;
}

OriginPool& ConnectionPool::origin(const std::string& key, const net::Destination& destination) {
  std::unique_ptr<OriginPool>& origin = origins_[key];
  if (!origin) origin = std::make_unique<OriginPool>(*this, key, destination);
  return *origin;
}

H2Origin& ConnectionPool::h2_origin(const Url& url) {
  if (last_h2_ && last_h2_->matches(url)) return *last_h2_;
  std::string key = key_of(url);
  std::unique_ptr<H2Origin>& origin = h2_origins_[key];
  if (!origin) {
    net::Destination destination = destination_of(url);
    destination.http2 = true;
    origin = std::make_unique<H2Origin>(*this, std::move(key), std::move(destination));
  }
  last_h2_ = origin.get();
  return *origin;
}

void ConnectionPool::forget(const OriginPool& origin) {
  if (last_ == &origin) last_ = nullptr;
  origins_.erase(origins_.find(origin.key()));
}

void ConnectionPool::forget(const H2Origin& origin) {
  if (last_h2_ == &origin) last_h2_ = nullptr;
  h2_origins_.erase(h2_origins_.find(origin.key()));
}

void ConnectionPool::enforce_size() {
  // As long as no thread has more than its share, nobody need know of the others.
  const std::size_t most = options().pool_size;
  if (counters_.idle.value() * shared_->threads.load(std::memory_order_relaxed) <= most) return;
  if (shared_->statistics().idle <= most) return;
  OriginPool* largest = nullptr;
  for (auto& [key, origin] : origins_) {
    if (!largest || origin->idle() > largest->idle()) largest = origin.get();
  }
  if (largest) largest->close_oldest(true);
}

void ConnectionPool::arm_sweep() {
  if (!sweep_.is_armed()) reactor_.timers().arm(sweep_, reactor_.now() + kSweepEvery);
}

void ConnectionPool::on_sweep(void* self) {
  auto& pool = *static_cast<ConnectionPool*>(self);
  bool more = false;
  for (auto& [key, origin] : pool.origins_) {
    origin->sweep(pool.reactor_.now());
    more = more || origin->idle() > 0;
  }
  if (more) pool.arm_sweep();
}

void ConnectionPool::dial_for_waiters() {
  for (auto& [key, origin] : origins_)
    origin->dial_for_waiters();
  for (auto& [key, origin] : h2_origins_)
    origin->dial_for_waiters();
}

void ConnectionPool::give_away(const std::string& key, Freshness freshness, ConnectionPool& asker) {
  std::unique_ptr<Handover> handover;
  if (const auto found = origins_.find(key); found != origins_.end()) {
    if (auto connection = found->second->try_take(freshness)) {
      handover = connection->hand_over();
      if (!handover) found->second->give_back(std::move(connection));
    }
  }
  shared_->answer(key, std::move(handover), asker);
}

void ConnectionPool::end_asking(const std::string& key, std::unique_ptr<Handover> handover) {
  const auto found = origins_.find(key);
  if (found != origins_.end()) found->second->end_asking(std::move(handover));
}

void ConnectionPool::close_idle(const std::string& key) {
  const auto found = origins_.find(key);
  if (found != origins_.end()) found->second->close_oldest();
  const auto h2_found = h2_origins_.find(key);
  if (h2_found != h2_origins_.end()) h2_found->second->close_one_idle();
}

}  // namespace onehop::transport
