// SPDX-License-Identifier: Apache-2.0
#include "transport/shared_pools.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace onehop::transport {

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
  of_ended_pools_.dialled += pool.counters().dialled.value();
  of_ended_pools_.reused += pool.counters().reused.value();
  of_ended_pools_.retried += pool.counters().retried.value();
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

std::size_t SharedPools::origins() const {
  const std::lock_guard lock(mutex_);
  return origins_.size();
}

std::optional<Slot> SharedPools::try_slot(const std::shared_ptr<OriginCounters>& origin) {
  const std::size_t max = options.max_connections;
  const std::size_t before = origin->open++;
  if (max != 0 && before >= max) {
    --origin->open;
    return std::nullopt;
  }
  return Slot(*this, origin);
}

void SharedPools::on_free_slot(const OriginCounters& origin) noexcept {
  if (origin.waiting == 0) return;
  const std::lock_guard lock(mutex_);
  try {
    for (Member* pool : pools_)
      post_to(*pool, [](Member& each) { each.dial_for_waiters(); });
  } catch (const std::bad_alloc&) {  // each request that waits has a deadline
  }
}

// --- between workers ---------------------------------------------------------------------------

void SharedPools::post(Member& pool, std::function<void(Member&)> work) {
  const std::lock_guard lock(mutex_);
  post_to(pool, std::move(work));
}

void SharedPools::post_to(Member& pool, std::function<void(Member&)> work) {
  pool.reactor().post([self = shared_from_this(), &pool, work = std::move(work)] {
    {
      const std::lock_guard lock(self->mutex_);
      if (!self->has(pool)) return;
    }
    work(pool);  // only its own worker, which is this one, destroys it
  });
}

void SharedPools::retire() {
  const std::lock_guard lock(mutex_);
  for (Member* pool : pools_)
    post_to(*pool, [](Member& each) { each.retire(); });
}

Transport::Statistics SharedPools::statistics() const {
  const std::lock_guard lock(mutex_);
  Transport::Statistics sum = of_ended_pools_;
  for (Member* pool : pools_) {
    const Counters& counters = pool->counters();
    sum.open += counters.open.value();
    sum.idle += counters.idle.value();
    sum.dialled += counters.dialled.value();
    sum.reused += counters.reused.value();
    sum.retried += counters.retried.value();
  }
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
  // A std::function has to be copyable. If the asker ends meanwhile, the slot is freed after the
  // mutex, which that needs.
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
