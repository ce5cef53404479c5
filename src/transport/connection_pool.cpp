// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include <utility>

namespace onehop::transport {
namespace {

net::Destination destination_of(const Url& url) {
  if (url.scheme() == "unix") return net::Destination(std::string(url.socket_path()));
  return net::Destination(std::string(url.host()), url.port(), url.scheme() == "https");
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

ConnectionPool::ConnectionPool(io::Reactor& reactor,
                               std::shared_ptr<SharedPools> shared,
                               std::unique_ptr<net::Dialer> dialer)
    : Member(reactor),
      context_(*this, *this, std::move(shared), std::move(dialer)),
      end_(
          [](void* self) {
            auto& pool = *static_cast<ConnectionPool*>(self);
            pool.reactor().forget_local(&pool.context_.shared());
          },
          this) {
  context_.shared().add(*this);
}

ConnectionPool::~ConnectionPool() {
  context_.end_users();
  context_.shared().remove(*this);
  h2_origins_.clear();
  origins_.clear();
}

OriginPool& ConnectionPool::origin(const Url& url) {
  if (last_ && last_->matches(url)) return *last_;
  OriginPool& found = origin(key_of(url), destination_of(url));
  last_ = &found;
  return found;
}

OriginPool& ConnectionPool::origin(const std::string& key, const net::Destination& destination) {
  std::unique_ptr<OriginPool>& origin = origins_[key];
  if (!origin) origin = std::make_unique<OriginPool>(keeper(), context_, key, destination);
  return *origin;
}

H2Origin& ConnectionPool::h2_origin(const Url& url) {
  if (last_h2_ && last_h2_->matches(url)) return *last_h2_;
  std::string key = key_of(url);
  std::unique_ptr<H2Origin>& origin = h2_origins_[key];
  if (!origin) {
    net::Destination destination = destination_of(url);
    destination.http2 = true;
    origin = std::make_unique<H2Origin>(keeper(), context_, std::move(key), std::move(destination));
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
  context_.retire();
  for (auto& [key, origin] : origins_)
    origin->close_all_idle();
  for (auto& [key, origin] : h2_origins_)
    origin->close_all_idle();
  end_if_unused();
}

// An origin is used by its requests and connections, and forgotten soon after the last of them.
void ConnectionPool::end_if_unused() noexcept {
  if (context_.is_retired() && origins_.empty() && h2_origins_.empty()) reactor().schedule(end_);
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

bool ConnectionPool::sweep() {
  bool has_idle = false;
  for (auto& [key, origin] : origins_) {
    origin->sweep(reactor().now());
    has_idle = has_idle || origin->idle() > 0;
  }
  return has_idle;
}

void ConnectionPool::dial_for_waiters() {
  for (auto& [key, origin] : origins_)
    origin->dial_for_waiters();
  for (auto& [key, origin] : h2_origins_)
    origin->dial_for_waiters();
}

void ConnectionPool::offer(const std::string& key, Reuse reuse, Member& asker) {
  std::unique_ptr<IdleTransfer> transfer;
  if (const auto found = origins_.find(key); found != origins_.end()) {
    if (auto connection = found->second->try_take(reuse)) {
      transfer = connection->into_transfer();
      if (!transfer) found->second->give_back(std::move(connection));
    }
  }
  context_.shared().respond(key, std::move(transfer), asker);
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
