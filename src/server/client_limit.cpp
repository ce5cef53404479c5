// SPDX-License-Identifier: Apache-2.0
#include "server/client_limit.hpp"

#include "base/check.hpp"

namespace onehop::server {

std::optional<ConnectionTicket> ClientLimit::enter(const net::Address& peer) {
  if (peer.is_unix()) return ConnectionTicket();
  const std::uint64_t key = peer.client_key();
  // Allocated before anything is counted, so that an exception leaves the counts unchanged.
  auto entry = std::make_shared<Entry>(*this, key, Entry::By::connection);
  const std::size_t max = max_connections();
  const std::lock_guard lock(mutex_);
  Client& client = clients_[key];
  if (max != 0 && client.connections >= max) return std::nullopt;
  ++client.connections;
  ++client.held;
  entry->client_ = &client;
  return entry;
}

std::optional<RequestTicket> ClientLimit::enter_request(const net::Address& client) {
  if (max_requests() == 0 || client.is_unix()) return RequestTicket();
  const std::uint64_t key = client.client_key();
  auto entry = std::make_shared<Entry>(*this, key, Entry::By::request);
  {
    const std::lock_guard lock(mutex_);
    entry->client_ = &clients_[key];
    ++entry->client_->held;
  }
  auto ticket = entry->enter_request();
  if (ticket) ticket->keep(std::move(entry));
  return ticket;
}

void ClientLimit::leave(std::uint64_t key, Entry::By by) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(key);
  ONEHOP_DCHECK(found != clients_.end() && found->second.held > 0);
  ONEHOP_DCHECK(by != Entry::By::connection || found->second.connections > 0);
  if (by == Entry::By::connection) --found->second.connections;
  if (--found->second.held == 0) clients_.erase(found);
}

std::size_t ClientLimit::clients() const {
  const std::lock_guard lock(mutex_);
  return clients_.size();
}

std::optional<RequestTicket> ClientLimit::Entry::enter_request() {
  const std::size_t max = limit_.max_requests();
  if (max == 0) return RequestTicket();
  RequestTicket ticket(client_->requests);
  if (client_->requests.fetch_add(1, std::memory_order_relaxed) >= max) return std::nullopt;
  return ticket;
}

std::optional<std::string> ClientLimit::refusal_line(const net::Address& peer, io::Time now) {
  const auto suppressed = refusals_.admit(now);
  if (!suppressed) return std::nullopt;
  const std::uint64_t count = *suppressed + 1;
  return "closed " + std::to_string(count) + (count == 1 ? " connection" : " connections") +
         " of clients that already have " + std::to_string(max_connections()) +
         " open, the last from " + peer.ip();
}

}  // namespace onehop::server
