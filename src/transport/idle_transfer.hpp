// SPDX-License-Identifier: Apache-2.0
//
// IdleTransfer is an idle HTTP/1 connection on its way from one worker to another.
#pragma once

#include "io/file_descriptor.hpp"
#include "net/stream.hpp"
#include "transport/connection_lifetime.hpp"
#include "transport/slot.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace onehop::transport {

// Which idle connections a request may use.
enum class Reuse : std::uint8_t {
  any,
  recent_only,  // used within the last second, for a request that may not be sent twice
  none,         // only a new connection
};

// A value that belongs to no reactor. Thread: owner.
struct IdleTransfer {
  IdleTransfer(io::FileDescriptor s, Slot l, std::string a, const ConnectionLifetime& r) noexcept
      : socket(std::move(s)), slot(std::move(l)), address(std::move(a)), lifetime(r) {}

  io::FileDescriptor socket;
  Slot slot;
  std::string address;
  ConnectionLifetime lifetime;
  std::uint64_t exchanges = 0;
  net::Duration idle_hint = net::Duration::max();
  net::Time idle_since{};
  net::Time expires{};
};

}  // namespace onehop::transport
