// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_connections.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {

H2Connection* H2Connections::best(bool with_settings) const noexcept {
  H2Connection* chosen = nullptr;
  for (const auto& connection : all_) {
    if (!connection->has_room()) continue;
    if (with_settings && !connection->knows_settings()) continue;
    if (!chosen) {
      chosen = connection.get();
    } else if (connection->is_busy() != chosen->is_busy()) {
      if (chosen->is_busy()) chosen = connection.get();
    } else if ((connection->streams() > chosen->streams()) != chosen->is_busy()) {
      chosen = connection.get();
    }
  }
  return chosen;
}

std::size_t H2Connections::room() const noexcept {
  std::size_t room = 0;
  for (const auto& connection : all_)
    room += connection->room();
  return room;
}

bool H2Connections::allows_none() const noexcept {
  return std::any_of(all_.begin(), all_.end(),
                     [](const auto& each) { return each->allows_none(); });
}

bool H2Connections::takes_requests() const noexcept {
  return std::any_of(all_.begin(), all_.end(),
                     [](const auto& each) { return each->takes_requests(); });
}

std::size_t H2Connections::closing() const noexcept {
  const auto count =
      std::count_if(all_.begin(), all_.end(), [](const auto& each) { return each->is_closing(); });
  return static_cast<std::size_t>(count);
}

void H2Connections::add(std::unique_ptr<H2Connection> connection) {
  all_.reserve(all_.size() + 1);  // so that a connection that runs is always in the list
  connection->start();            // if this throws for lack of memory, no request waits on it
  all_.push_back(std::move(connection));
}

std::unique_ptr<H2Connection> H2Connections::remove(const H2Connection& connection) {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  if (found == all_.end()) return nullptr;
  std::unique_ptr<H2Connection> removed = std::move(*found);
  all_.erase(found);
  return removed;
}

bool H2Connections::close_one_idle() {
  for (const auto& connection : all_) {
    // A request may be waiting for the SETTINGS of a new connection.
    if (connection->streams() > 0 || !connection->knows_settings()) continue;
    if (!connection->takes_requests()) continue;  // it is closing
    connection->close_idle();
    return true;
  }
  return false;
}

void H2Connections::close_all_idle() {
  for (const auto& connection : all_) {
    if (connection->streams() == 0) connection->close_idle();
  }
}

void H2Connections::end_all() {
  for (const auto& connection : all_) {
    if (!connection->knows_settings()) continue;
    if (connection->streams() == 0) {
      connection->close_idle();
    } else {
      connection->retire();
    }
  }
}

}  // namespace onehop::transport
