// SPDX-License-Identifier: Apache-2.0
#include "transport/shared_pools.hpp"

#include "base/check.hpp"
#include "net/resolver.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::transport {
namespace {

// The maximum number of upstreams that are remembered although no worker uses them.
constexpr std::size_t kMaxRemembered = 256;

void add_totals(Transport::Statistics& sum, const Counters& counters) {
  sum.dialled += counters.dialled.value();
  sum.reused += counters.reused.value();
  sum.retried += counters.retried.value();
  sum.dials_failed += counters.dials_failed.value();
  sum.retried_unsent += counters.retried_unsent.value();
  sum.retried_refused += counters.retried_refused.value();
  sum.retried_uncertain += counters.retried_uncertain.value();
  sum.waits += counters.waits.value();
  // Each is read once, so that differences of the sums never decrease.
  const std::uint64_t resumed_1_2 = counters.tls1_2_resumed.value();
  const std::uint64_t resumed_1_3 = counters.tls1_3_resumed.value();
  sum.tls.tls1_2 += counters.tls1_2_full.value() + resumed_1_2;
  sum.tls.tls1_2_resumed += resumed_1_2;
  sum.tls.tls1_3 += counters.tls1_3_full.value() + resumed_1_3;
  sum.tls.tls1_3_resumed += resumed_1_3;
  sum.tls.timed_out += counters.tls_timed_out.value();
  sum.tls.failed += counters.tls_failed.value();
  sum.tls.duration += counters.tls_durations.value();
  const std::uint64_t ended = counters.streams_ended.value();
  const std::uint64_t begun = counters.streams.value();
  sum.http2.streams += static_cast<std::size_t>(begun - std::min(begun, ended));
  sum.http2.streams_total += begun;
  sum.http2.goaways += counters.goaways.value();
}

}  // namespace

void SharedPools::add(Member& pool) {
  const std::lock_guard lock(mutex_);
  ONEHOP_DCHECK(!has(pool));
  pools_.push_back(&pool);
  ++workers_;
}

void SharedPools::remove(Member& pool) {
  const std::lock_guard lock(mutex_);
  ONEHOP_DCHECK(has(pool));
  std::erase(pools_, &pool);
  --workers_;
  add_totals(of_ended_pools_, pool.counters());
}

bool SharedPools::has(const Member& pool) const noexcept {
  return std::find(pools_.begin(), pools_.end(), &pool) != pools_.end();
}

// --- origins and slots -------------------------------------------------------------------------

std::shared_ptr<OriginCounters> SharedPools::origin(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<OriginCounters>& origin = origins_[key];
  if (!origin) origin = std::make_shared<OriginCounters>();
  return origin;
}

void SharedPools::forget(const std::string& key, std::shared_ptr<OriginCounters> origin) {
  const std::lock_guard lock(mutex_);
  origin.reset();
  const auto found = origins_.find(key);
  if (found != origins_.end() && found->second.use_count() == 1) origins_.erase(found);
}

void SharedPools::name(const std::string& key) {
  const std::lock_guard lock(mutex_);
  ++named_[key];
}

// Slots taken after this call are not abandoned. If there is no memory to notify the workers, their
// idle connections end after pool_idle_timeout.
void SharedPools::unname(const std::vector<std::string>& keys) noexcept {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> abandoned;
  for (const std::string& key : keys) {
    const auto named = named_.find(key);
    ONEHOP_DCHECK(named != named_.end());
    if (--named->second > 0) continue;
    named_.erase(named);
    const auto origin = origins_.find(key);
    if (origin == origins_.end()) continue;
    ++origin->second->abandoned;
    try {
      abandoned.push_back(key);
    } catch (const std::bad_alloc&) {
    }
  }
  if (abandoned.empty()) return;
  try {
    post_abandoned(std::move(abandoned));
  } catch (const std::bad_alloc&) {
  }
}

void SharedPools::post_abandoned(std::vector<std::string> keys) {
  const auto shared = std::make_shared<const std::vector<std::string>>(std::move(keys));
  for (Member* pool : pools_) {
    post_to(*pool, [shared](Member& each) {
      for (const std::string& key : *shared)
        each.close_abandoned(key);
    });
  }
}

std::size_t SharedPools::origins() const {
  const std::lock_guard lock(mutex_);
  return origins_.size();
}

std::shared_ptr<UpstreamCounts> SharedPools::upstream(const std::string& key, const Url& url) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<UpstreamCounts>& counts = upstreams_[key];
  if (counts) return counts;
  counts = std::make_shared<UpstreamCounts>(url);
  const std::shared_ptr<UpstreamCounts> made = counts;
  if (upstreams_.size() > kMaxRemembered)
    std::erase_if(upstreams_, [](const auto& each) { return each.second.use_count() == 1; });
  return made;
}

std::optional<Slot> SharedPools::try_slot(const std::shared_ptr<OriginCounters>& origin) {
  const std::size_t max = max_connections();
  // Never raises `open` above the limit, not even for a moment: another thread would find it full
  // and get no slot although one is free.
  std::size_t open = origin->open.load();
  do {
    if (open >= max) return std::nullopt;
  } while (!origin->open.compare_exchange_weak(open, open + 1));
  return Slot(*this, origin);
}

void SharedPools::set_limits(std::size_t max_connections, Limit<double> retry_budget) noexcept {
  budget.set_share(retry_budget);
  max_connections_.store(max_connections, std::memory_order_relaxed);
  wake_waiters();
}

void SharedPools::on_free_slot(const OriginCounters& origin) noexcept {
  if (origin.waiting > 0) wake_waiters();
}

void SharedPools::wake_waiters() noexcept {
  const std::lock_guard lock(mutex_);
  try {
    for (Member* pool : pools_)
      post_to(*pool, [](Member& each) { each.dial_for_waiters(); });
  } catch (const std::bad_alloc&) {  // each waiting request has a deadline
  }
}

// --- between workers ---------------------------------------------------------------------------

void SharedPools::post(Member& pool, std::function<void(Member&)> work) {
  const std::lock_guard lock(mutex_);
  post_to(pool, std::move(work));
}

void SharedPools::Call::operator()() const {
  {
    const std::lock_guard lock(shared->mutex_);
    if (!shared->has(pool)) return;
  }
  try {  // only its own worker, which is this thread, destroys the pool
    work(pool);
  } catch (const std::bad_alloc&) {  // each waiting request has a deadline
  }
}

void SharedPools::post_to(Member& pool, std::function<void(Member&)> work) {
  pool.reactor().post(Call{shared_from_this(), pool, std::move(work)});
}

void SharedPools::retire() noexcept {
  const std::lock_guard lock(mutex_);
  for (Member* pool : pools_) {
    const Call call{shared_from_this(), *pool, [](Member& each) { each.retire(); }};
    pool->reactor().mailbox()->post_or_wait(call);
  }
}

Transport::Statistics SharedPools::statistics() const {
  const std::lock_guard lock(mutex_);
  Transport::Statistics sum = of_ended_pools_;
  for (Member* pool : pools_) {
    const Counters& counters = pool->counters();
    sum.open += counters.open.value();
    sum.idle += counters.idle.value();
    add_totals(sum, counters);
  }
  const net::ResolverCounts dns = net::resolver_counts();
  sum.dns_queries = dns.queries;
  sum.dns_stale_answers = dns.stale_answers;
  for (const auto& [key, upstream] : upstreams_) {
    // Upstreams that differ only in the address to connect to have the same URL.
    Transport::Statistics one;
    one.upstreams.push_back(upstream->statistics());
    sum += one;
  }
  return sum;
}

std::size_t SharedPools::idle() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const Member* pool : pools_)
    sum += pool->counters().idle.value();
  return sum;
}

bool SharedPools::request(const std::string& key, Reuse reuse, Member& asker) {
  const std::lock_guard lock(mutex_);
  Member* richest = nullptr;
  for (Member* pool : pools_) {
    if (pool == &asker || pool->counters().idle.value() == 0) continue;
    if (!richest || pool->counters().idle.value() > richest->counters().idle.value())
      richest = pool;
  }
  if (!richest) return false;
  post_to(*richest, [key, reuse, &asker](Member& giver) { giver.offer(key, reuse, asker); });
  return true;
}

void SharedPools::respond(const std::string& key,
                          std::unique_ptr<IdleTransfer> transfer,
                          Member& asker) {
  // A shared_ptr because a std::function must be copyable. If the asker ends meanwhile, the slot is
  // freed after the mutex is released, because freeing it locks the mutex.
  const auto parcel = std::make_shared<std::unique_ptr<IdleTransfer>>(std::move(transfer));
  const std::lock_guard lock(mutex_);
  if (!has(asker)) return;  // it has ended
  post_to(asker, [key, parcel](Member& each) { each.complete(key, std::move(*parcel)); });
}

void SharedPools::ask_for_slot(const std::string& key, const Member& asker) {
  const std::lock_guard lock(mutex_);
  for (Member* pool : pools_) {
    if (pool == &asker) continue;
    post_to(*pool, [key](Member& each) { each.close_idle(key); });
  }
}

}  // namespace onehop::transport
