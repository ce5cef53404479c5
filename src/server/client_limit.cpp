// SPDX-License-Identifier: Apache-2.0
#include "server/client_limit.hpp"

#include <chrono>
#include <utility>

namespace onehop::server {
namespace {

constexpr io::Duration kTellEvery = std::chrono::seconds(10);

}  // namespace

struct ClientLimit::Held {
  Held(ClientLimit& l, std::uint64_t c) noexcept : limit(l), client(c) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { limit.leave(client); }

  ClientLimit& limit;
  std::uint64_t client;
};

std::optional<ClientLimit::Place> ClientLimit::enter(const net::Address& peer) {
  if (peer.is_unix()) return Place();
  const std::uint64_t client = peer.client_key();
  {
    const std::lock_guard lock(mutex_);
    std::size_t& open = open_[client];
    if (open >= most_) return std::nullopt;
    ++open;
  }
  return std::make_shared<const Held>(*this, client);
}

void ClientLimit::leave(std::uint64_t client) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(client);
  if (--found->second == 0) open_.erase(found);
}

std::optional<std::string> ClientLimit::note_refusal(const net::Address& peer, io::Time now) {
  const std::lock_guard lock(mutex_);
  ++refused_;
  if (told_ && now - *told_ < kTellEvery) return std::nullopt;
  told_ = now;
  const std::size_t count = std::exchange(refused_, 0);
  return "closed " + std::to_string(count) + (count == 1 ? " connection" : " connections") +
         " of clients that have " + std::to_string(most_) + " open already, the last of " +
         peer.ip();
}

}  // namespace onehop::server
