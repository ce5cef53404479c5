// SPDX-License-Identifier: Apache-2.0
#include "server/client_limit.hpp"

namespace onehop::server {

std::optional<ClientLimit::Place> ClientLimit::enter(const net::Address& peer) {
  if (peer.is_unix()) return Place();
  const std::uint64_t key = peer.client_key();
  // Made before it counts: what throws has counted nothing.
  auto held = std::make_shared<Held>(*this, key, Held::By::connection);
  const std::lock_guard lock(mutex_);
  Client& client = clients_[key];
  if (most_connections_ != 0 && client.connections >= most_connections_) return std::nullopt;
  ++client.connections;
  ++client.held;
  held->client_ = &client;
  return held;
}

std::optional<RequestPlace> ClientLimit::enter_request(const net::Address& client) {
  if (most_requests_ == 0 || client.is_unix()) return RequestPlace();
  const std::uint64_t key = client.client_key();
  auto held = std::make_shared<Held>(*this, key, Held::By::request);
  {
    const std::lock_guard lock(mutex_);
    held->client_ = &clients_[key];
    ++held->client_->held;
  }
  auto place = held->enter_request();
  if (place) place->keep(std::move(held));
  return place;
}

void ClientLimit::leave(std::uint64_t key, Held::By by) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(key);
  if (by == Held::By::connection) --found->second.connections;
  if (--found->second.held == 0) clients_.erase(found);
}

std::size_t ClientLimit::clients() const {
  const std::lock_guard lock(mutex_);
  return clients_.size();
}

std::optional<RequestPlace> ClientLimit::Held::enter_request() {
  const std::size_t most = limit_.most_requests_;
  if (most == 0) return RequestPlace();
  RequestPlace place(client_->requests);
  if (client_->requests.fetch_add(1, std::memory_order_relaxed) >= most) return std::nullopt;
  return place;
}

std::optional<std::string> ClientLimit::note_refusal(const net::Address& peer, io::Time now) {
  const auto untold = refusals_.admit(now);
  if (!untold) return std::nullopt;
  const std::uint64_t count = *untold + 1;
  return "closed " + std::to_string(count) + (count == 1 ? " connection" : " connections") +
         " of clients that have " + std::to_string(most_connections_) +
         " open already, the last of " + peer.ip();
}

}  // namespace onehop::server
