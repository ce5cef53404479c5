// SPDX-License-Identifier: Apache-2.0
#include "server/client_limit.hpp"

#include <chrono>
#include <utility>

namespace onehop::server {
namespace {

constexpr io::Duration kTellEvery = std::chrono::seconds(10);

}  // namespace

std::optional<ClientLimit::Place> ClientLimit::enter(const net::Address& peer) {
  if (peer.is_unix()) return Place();
  const std::uint64_t key = peer.client_key();
  Client* client = nullptr;
  {
    const std::lock_guard lock(mutex_);
    client = &clients_[key];
    if (most_connections_ != 0 && client->connections >= most_connections_) return std::nullopt;
    ++client->connections;
  }
  return std::make_shared<Held>(*this, key, *client);
}

void ClientLimit::leave(std::uint64_t key) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(key);
  if (--found->second.connections == 0) clients_.erase(found);
}

std::optional<RequestPlace> ClientLimit::Held::enter_request() {
  const std::size_t most = limit_.most_requests_;
  if (most == 0) return RequestPlace();
  RequestPlace place(client_.requests);
  if (client_.requests.fetch_add(1, std::memory_order_relaxed) >= most) return std::nullopt;
  return place;
}

std::optional<std::string> ClientLimit::note_refusal(const net::Address& peer, io::Time now) {
  const std::lock_guard lock(mutex_);
  ++refused_;
  if (told_ && now - *told_ < kTellEvery) return std::nullopt;
  told_ = now;
  const std::size_t count = std::exchange(refused_, 0);
  return "closed " + std::to_string(count) + (count == 1 ? " connection" : " connections") +
         " of clients that have " + std::to_string(most_connections_) +
         " open already, the last of " + peer.ip();
}

}  // namespace onehop::server
