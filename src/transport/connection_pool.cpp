// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include "transport/h2_origin.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kSweepEvery = std::chrono::milliseconds(250);
constexpr std::uint64_t kRequestsReportedAtOnce = 32;
// Connections that are kept between two messages of a handshake where pool_size keeps none.
constexpr std::size_t kMaxHandshakes = 64;

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

void SharedPools::on_free_slot(const SharedOrigin& origin) noexcept {
  if (origin.waiting == 0) return;
  const std::lock_guard lock(mutex);
  try {
    for (ConnectionPool* pool : pools)
      post_to(*pool, [](ConnectionPool& each) { each.dial_for_waiters(); });
  } catch (const std::bad_alloc&) {  // who waits has a deadline
  }
}

void SharedPools::post_to(ConnectionPool& pool, std::function<void(ConnectionPool&)> work) {
  pool.reactor().post([self = shared_from_this(), &pool, work = std::move(work)] {
    {
      const std::lock_guard lock(self->mutex);
      if (std::find(self->pools.begin(), self->pools.end(), &pool) == self->pools.end()) return;
    }
    work(pool);  // it goes on its own thread alone
  });
}

void SharedPools::retire() {
  const std::lock_guard lock(mutex);
  for (ConnectionPool* pool : pools)
    post_to(*pool, [](ConnectionPool& each) { each.retire(); });
}

Transport::Statistics SharedPools::statistics() const {
  const std::lock_guard lock(mutex);
  Transport::Statistics sum = of_ended_pools;
  for (ConnectionPool* pool : pools)
    add(sum, pool->counters());
  return sum;
}

bool SharedPools::request(const std::string& key, Reuse reuse, ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  ConnectionPool* richest = nullptr;
  for (ConnectionPool* pool : pools) {
    if (pool == &asker || pool->counters().idle.value() == 0) continue;
    if (!richest || pool->counters().idle.value() > richest->counters().idle.value())
      richest = pool;
  }
  if (!richest) return false;
  post_to(*richest,
          [key, reuse, &asker](ConnectionPool& giver) { giver.offer(key, reuse, asker); });
  return true;
}

void SharedPools::respond(const std::string& key,
                          std::unique_ptr<IdleTransfer> transfer,
                          ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  if (std::find(pools.begin(), pools.end(), &asker) == pools.end()) return;  // it has ended
  // std::function wants to be copied.
  const auto parcel = std::make_shared<std::unique_ptr<IdleTransfer>>(std::move(transfer));
  post_to(asker, [key, parcel](ConnectionPool& each) { each.complete(key, std::move(*parcel)); });
}

void SharedPools::ask_for_slot(const std::string& key, const ConnectionPool& asker) {
  const std::lock_guard lock(mutex);
  for (ConnectionPool* pool : pools) {
    if (pool == &asker) continue;
    post_to(*pool, [key](ConnectionPool& each) { each.close_idle(key); });
  }
}

Slot::~Slot() {
  if (!origin_) return;  // moved from
  --origin_->open;
  pools_.on_free_slot(*origin_);
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
      sweep_(&ConnectionPool::on_sweep, this),
      end_(
          [](void* self) {
            auto& pool = *static_cast<ConnectionPool*>(self);
            pool.reactor_.forget_local(pool.shared_.get());
          },
          this) {
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

ConnectionLifetime ConnectionPool::new_lifetime() const noexcept {
  return ConnectionLifetime(options(), reactor_.now(), counters_.dialled.value());
}

void ConnectionPool::count_request() noexcept {
  if (++unreported_requests_ < kRequestsReportedAtOnce) return;
  shared_->budget.count_requests(std::exchange(unreported_requests_, 0), reactor_.now());
}

bool ConnectionPool::try_retry() noexcept {
  shared_->budget.count_requests(std::exchange(unreported_requests_, 0), reactor_.now());
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
  end_if_unused();
}

void ConnectionPool::forget(const H2Origin& origin) {
  if (last_h2_ == &origin) last_h2_ = nullptr;
  h2_origins_.erase(h2_origins_.find(origin.key()));
  end_if_unused();
}

void ConnectionPool::retire() {
  retired_ = true;
  for (auto& [key, origin] : origins_)
    origin->close_all_idle();
  for (auto& [key, origin] : h2_origins_)
    origin->close_all_idle();
  end_if_unused();
}

// An origin is used by its requests and connections, and forgotten soon after the last of them.
void ConnectionPool::end_if_unused() noexcept {
  if (retired_ && origins_.empty() && h2_origins_.empty()) reactor_.schedule(end_);
}

void ConnectionPool::enforce_size() {
  // As long as no thread has more than its share, nobody need know of the others.
  const std::size_t most = options().pool_size > 0 ? options().pool_size : kMaxHandshakes;
  if (counters_.idle.value() * shared_->threads.load(std::memory_order_relaxed) <= most) return;
  if (shared_->statistics().idle > most) close_one_idle();
}

void ConnectionPool::close_one_idle() {
  OriginPool* largest = nullptr;
  for (auto& [key, origin] : origins_) {
    if (!largest || origin->idle() > largest->idle()) largest = origin.get();
  }
  if (largest && largest->idle() > 0) return largest->close_oldest(true);
  for (auto& [key, origin] : h2_origins_) {
    if (origin->close_one_idle()) return;
  }
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

void ConnectionPool::offer(const std::string& key, Reuse reuse, ConnectionPool& asker) {
  std::unique_ptr<IdleTransfer> transfer;
  if (const auto found = origins_.find(key); found != origins_.end()) {
    if (auto connection = found->second->try_take(reuse)) {
      transfer = connection->into_transfer();
      if (!transfer) found->second->give_back(std::move(connection));
    }
  }
  shared_->respond(key, std::move(transfer), asker);
}

void ConnectionPool::complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer) {
  const auto found = origins_.find(key);
  if (found != origins_.end()) found->second->complete(std::move(transfer));
}

void ConnectionPool::close_idle(const std::string& key) {
  const auto found = origins_.find(key);
  if (found != origins_.end()) found->second->close_oldest();
  const auto h2_found = h2_origins_.find(key);
  if (h2_found != h2_origins_.end()) h2_found->second->close_one_idle();
}

}  // namespace onehop::transport
