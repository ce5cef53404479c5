// SPDX-License-Identifier: Apache-2.0
#include "transport/idle_list.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {

std::unique_ptr<H1Connection> IdleList::try_take(Reuse reuse) {
  if (reuse == Reuse::none) return nullptr;
  const net::Time now = pool_.reactor().now();
  while (!idle_.empty()) {
    if (!idle_.back()->suits(reuse)) break;
    std::unique_ptr<H1Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    connection->become_busy();
    // The kernel has reported the end of the connection since it became idle, unless it became idle
    // in this same pass.
    const bool looks =
        reuse == Reuse::recent_only && connection->idle_since_pass() == pool_.reactor().pass();
    if (looks ? connection->is_stale_now(now) : connection->is_stale(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

std::unique_ptr<H1Connection> IdleList::try_take_reserved(ConnectionId client,
                                                          bool has_credentials) {
  const net::Time now = pool_.reactor().now();
  while (auto connection = reserved_.take(client, has_credentials)) {
    pool_.count_reserved_gone(1);
    connection->become_busy();
    if (connection->is_stale_now(now)) continue;
    pool_.counters().reused.add(1);
    return connection;
  }
  return nullptr;
}

void IdleList::add(std::unique_ptr<H1Connection> connection) {
  ONEHOP_DCHECK(connection);
  connection->become_idle(pool_.options().pool_idle_timeout);
  if (connection->is_reserved()) {
    reserved_.add(std::move(connection));
    pool_.count_reserved_idle();
  } else {
    // A connection that was idle on another worker, or leased and not used, is not among the
    // youngest.
    auto place = idle_.end();
    while (place != idle_.begin() && (*(place - 1))->idle_since() > connection->idle_since())
      --place;
    idle_.insert(place, std::move(connection));
  }
  pool_.arm_sweep();
}

void IdleList::drop(const H1Connection& connection) {
  if (connection.is_reserved()) {
    if (const auto reserved = reserved_.remove(connection)) pool_.count_reserved_gone(1);
    return;
  }
  const auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == idle_.end()) return;
  const std::unique_ptr<H1Connection> dropped = std::move(*found);
  idle_.erase(found);
}

void IdleList::sweep(net::Time now) {
  std::erase_if(idle_, [now](const auto& each) { return each->is_stale(now); });
  pool_.count_reserved_gone(reserved_.sweep(now));
}

void IdleList::close_oldest(bool handshakes_too) {
  if (!idle_.empty()) {
    drop(*idle_.front());
  } else if (const auto reserved = reserved_.take_oldest(handshakes_too)) {
    pool_.count_reserved_gone(1);
  }
}

void IdleList::clear() {
  while (size() > 0)
    close_oldest(true);
}

}  // namespace onehop::transport
