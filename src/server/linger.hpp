// SPDX-License-Identifier: Apache-2.0
//
// Lingering: before a connection is closed, bytes that the client still sends are read and dropped
// for some seconds. To close with unread bytes would reset the connection, and a reset can destroy
// the response in flight (RFC 9112 §9.6).
#pragma once

#include <onehop/task.hpp>

#include "net/stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace onehop::server {

// Whether a worker's connections are to end. It belongs to the worker, and connections look at it.
struct DrainState {
  // For the first byte of a handshake or of a PROXY header, and for the rest of one, or of a head.
  static constexpr net::Duration kFirstByte = std::chrono::seconds(1);
  static constexpr net::Duration kRest = std::chrono::seconds(5);

  net::Time began = io::kNever;
  bool is_on() const noexcept { return began != io::kNever; }
  // While it is on: until when a connection may take for what comes before its first request, a
  // PROXY header or a handshake, that was expected from `begun` on. Less for its first byte.
  net::Time end_of_opening(net::Time begun, bool has_received) const noexcept {
    return has_received ? end_of_rest(begun) : begun + kFirstByte;
  }
  // While it is on: until when the rest of what was expected from `since` on has to be there.
  net::Time end_of_rest(net::Time since) const noexcept { return std::max(since, began) + kRest; }
};

struct LingerLimits {
  net::Duration silence;  // since the client sent something
  net::Duration longest;
  // More than these bytes are left unread until the client leaves or the time is over.
  std::size_t bytes;
};
// After a response that ends the connection.
inline constexpr LingerLimits kLingerAfterResponse{
    std::chrono::seconds(5), std::chrono::seconds(30), std::size_t{64} * 1024 * 1024};
// After a handshake that failed.
inline constexpr LingerLimits kLingerAfterHandshake{
    std::chrono::seconds(1), std::chrono::seconds(1), std::size_t{256} * 1024};

// Ends `stream`'s own half and returns when the client has left, or one of the limits is met; those
// of a drain are shorter. Interrupting the reader makes it look at them again.
// Not inlined: clang would make its frame part of its callers', which idle connections keep.
[[gnu::noinline]] task<void> linger(net::Stream& stream,
                                    LingerLimits limits,
                                    const DrainState& drain);

}  // namespace onehop::server
