// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include "base/check.hpp"
#include "transport/client_header.hpp"
#include "transport/origin_key.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace onehop::transport {

ConnectionPool::ConnectionPool(io::Reactor& reactor,
                               std::shared_ptr<SharedPools> shared,
                               std::unique_ptr<net::Dialer> dialer)
    : Member(reactor),
      context_(*this, *this, std::move(shared), std::move(dialer)),
      end_(io::call<&ConnectionPool::end>(this)) {
  context_.shared().add(*this);
}

ConnectionPool::~ConnectionPool() {
  context_.end_users();
  context_.shared().remove(*this);
  origins_.clear();
}

// --- origins -----------------------------------------------------------------------------------

net::Destination ConnectionPool::destination_of(const Url& url,
                                                std::string_view connect_address) const {
  if (url.scheme() == "unix") return net::Destination(std::string(url.socket_path()));
  const bool tls = url.scheme() == "https";
  net::Destination destination(std::string(url.host()), url.port(), tls);
  destination.http2 = url.scheme() == "h2c" || (tls && context_.options().http2);
  destination.connect_address = connect_address;
  return destination;
}

Origin& ConnectionPool::origin(const Url& url,
                               std::string_view connect_address,
                               const ConnectionInfo* client) {
  const bool sends_proxy = context_.options().send_proxy;
  const ConnectionId id = sends_proxy && client ? client->id : ConnectionId();
  if (last_ && last_->matches(url, connect_address, id)) return *last_;
  const std::size_t slot = recent_slot(url, connect_address, id);
  Origin*& recent = recent_[slot];
  Origin*& other = recent_[slot ^ 1U];
  if (recent && recent->matches(url, connect_address, id)) {
    last_ = recent;
  } else if (other && other->matches(url, connect_address, id)) {
    last_ = other;
  } else {
    last_ = &keyed_origin(url, connect_address, id, client);
    other = std::exchange(recent, last_);
  }
  return *last_;
}

Origin& ConnectionPool::keyed_origin(const Url& url,
                                     std::string_view connect_address,
                                     ConnectionId id,
                                     const ConnectionInfo* client) {
  const Key key(origin_key(url, connect_address), id.number());
  auto found = origins_.find(key);
  if (found == origins_.end()) {
    Origin::Keeper& keeper = *this;
    net::Destination destination = destination_of(url, connect_address);
    if (context_.options().send_proxy)
      destination.preamble = client_header(client ? *client : ConnectionInfo());
    auto made =
        std::make_unique<Origin>(keeper, context_, key.first, url, std::move(destination), id);
    found = origins_.emplace(key, std::move(made)).first;
  }
  const std::unique_ptr<Origin>& origin = found->second;
  ONEHOP_DCHECK(origin->matches(url, connect_address, id));
  return *origin;
}

std::size_t ConnectionPool::recent_slot(const Url& url,
                                        std::string_view connect_address,
                                        ConnectionId client) noexcept {
  const std::hash<std::string_view> hash;
  std::size_t mixed = hash(url.authority()) + client.number();
  if (!connect_address.empty()) mixed += hash(connect_address);
  return mixed % kRecent;
}

Origin* ConnectionPool::find(const Key& key) const noexcept {
  const auto found = origins_.find(key);
  return found == origins_.end() ? nullptr : found->second.get();
}

void ConnectionPool::forget(const Origin& origin) {
  const Key key(origin.key(), origin.client().number());
  Origin* const known = find(key);
  ONEHOP_DCHECK(known == &origin);
  if (last_ == known) last_ = nullptr;
  std::ranges::replace(recent_, known, nullptr);
  origins_.erase(origins_.find(key));
  end_if_unused();
}

void ConnectionPool::retire() {
  ONEHOP_DCHECK(context_.is_on_its_worker());
  context_.retire();
  for (auto& [key, origin] : origins_)
    origin->close_all_idle();
  end_if_unused();
}

// Requests and connections keep an origin in use; it is forgotten 1 s after the last of them.
void ConnectionPool::end_if_unused() noexcept {
  if (context_.is_retired() && origins_.empty()) reactor().schedule(end_);
}

// --- idle connections --------------------------------------------------------------------------

bool ConnectionPool::sweep() {
  bool has_idle = false;
  for (auto& [key, origin] : origins_) {
    origin->sweep(reactor().now());
    has_idle = has_idle || origin->idle() > 0;
  }
  return has_idle;
}

// Closes the oldest idle HTTP/1 connection of the origin with the largest number of them. If there
// is none, closes an idle HTTP/2 connection.
void ConnectionPool::close_one_idle() {
  Origin* largest = nullptr;
  for (auto& [key, origin] : origins_) {
    if (!largest || origin->idle() > largest->idle()) largest = origin.get();
  }
  if (largest && largest->idle() > 0) return largest->close_oldest_http1();
  for (auto& [key, origin] : origins_) {
    if (origin->close_one_http2()) return;
  }
}

// --- between workers ---------------------------------------------------------------------------

void ConnectionPool::dial_for_waiters() {
  for (auto& [key, origin] : origins_)
    origin->dial_for_waiters();
}

void ConnectionPool::close_idle(const std::string& key) {
  for (auto next = origins_.lower_bound({key, 0});
       next != origins_.end() && next->first.first == key; ++next) {
    if (next->second->close_idle()) return;
  }
}

void ConnectionPool::close_abandoned(const std::string& key) {
  for (auto next = origins_.lower_bound({key, 0});
       next != origins_.end() && next->first.first == key; ++next)
    next->second->close_abandoned();
}

void ConnectionPool::offer(const std::string& key, Reuse reuse, Member& asker) {
  std::unique_ptr<IdleTransfer> transfer;
  if (Origin* const origin = find({key, 0})) transfer = origin->offer(reuse);
  context_.shared().respond(key, std::move(transfer), asker);
}

void ConnectionPool::complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer) {
  if (Origin* const origin = find({key, 0})) origin->complete(std::move(transfer));
}

}  // namespace onehop::transport
