// SPDX-License-Identifier: Apache-2.0
#include "transport/reserved_connections.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace onehop::transport {

void ReservedConnections::add(std::unique_ptr<H1Connection> connection) {
  by_client_[connection->client().number()].push_back(std::move(connection));
  ++size_;
}

std::unique_ptr<H1Connection> ReservedConnections::extract(ByClient::iterator client,
                                                           OfClient::iterator place) {
  std::unique_ptr<H1Connection> connection = std::move(*place);
  client->second.erase(place);
  if (client->second.empty()) by_client_.erase(client);
  --size_;
  return connection;
}

std::unique_ptr<H1Connection> ReservedConnections::take(ConnectionId client, bool has_credentials) {
  const auto found = by_client_.find(client.number());
  if (found == by_client_.end()) return nullptr;
  OfClient& all = found->second;
  const auto last_that = [&all](bool in_handshake) {
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const auto& each) {
      return each->is_in_handshake() == in_handshake;
    });
    return last == all.rend() ? all.end() : std::prev(last.base());
  };
  auto place = last_that(has_credentials);
  if (place == all.end() && has_credentials) place = last_that(false);
  return place == all.end() ? nullptr : extract(found, place);
}

std::unique_ptr<H1Connection> ReservedConnections::remove(const H1Connection& connection) {
  const auto found = by_client_.find(connection.client().number());
  if (found == by_client_.end()) return nullptr;
  OfClient& all = found->second;
  const auto place = std::find_if(all.begin(), all.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  return place == all.end() ? nullptr : extract(found, place);
}

std::size_t ReservedConnections::sweep(net::Time now) {
  const std::size_t before = size_;
  for (auto client = by_client_.begin(); client != by_client_.end();) {
    size_ -= std::erase_if(client->second, [now](const auto& each) { return each->is_stale(now); });
    client = client->second.empty() ? by_client_.erase(client) : std::next(client);
  }
  return before - size_;
}

std::unique_ptr<H1Connection> ReservedConnections::take_oldest(bool handshakes_too) {
  auto of_client = by_client_.end();
  OfClient::iterator oldest;
  for (auto client = by_client_.begin(); client != by_client_.end(); ++client) {
    for (auto place = client->second.begin(); place != client->second.end(); ++place) {
      if ((*place)->is_in_handshake() && !handshakes_too) continue;
      if (of_client != by_client_.end() && (*oldest)->idle_since() <= (*place)->idle_since()) {
        continue;
      }
      of_client = client;
      oldest = place;
    }
  }
  return of_client == by_client_.end() ? nullptr : extract(of_client, oldest);
}

}  // namespace onehop::transport
