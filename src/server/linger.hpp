// SPDX-License-Identifier: Apache-2.0
//
// linger() reads and drops what a client still sends, for some seconds, before its connection is
// closed. Closing with unread bytes would reset the connection, and a reset can destroy the
// response in flight (RFC 9112 §9.6).
#pragma once

#include <onehop/task.hpp>

#include "net/stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace onehop::server {

// Whether a worker's connections are to end, and since when. Owned by the worker.
struct DrainState {
  // The time for the first byte of a handshake or PROXY header, and for the rest of it or a head.
  static constexpr net::Duration kFirstByte = std::chrono::seconds(1);
  static constexpr net::Duration kRest = std::chrono::seconds(5);

  net::Time began = io::kNever;
  bool is_on() const noexcept { return began != io::kNever; }
  // Returns the deadline, during a drain, for a PROXY header or a handshake that was expected from
  // `begun` on. It is earlier if not even the first byte has been received.
  net::Time end_of_opening(net::Time begun, bool has_received) const noexcept {
    return has_received ? end_of_rest(begun) : begun + kFirstByte;
  }
  // Returns the deadline, during a drain, for the rest of what was expected from `since` on.
  net::Time end_of_rest(net::Time since) const noexcept { return std::max(since, began) + kRest; }
};

struct LingerLimits {
  net::Duration silence;  // since the client last sent something
  net::Duration longest;
  // After this many bytes, the rest stays unread until the client leaves or the time is over.
  std::size_t bytes;
};
// After a response that ends the connection.
inline constexpr LingerLimits kLingerAfterResponse{
    std::chrono::seconds(5), std::chrono::seconds(30), std::size_t{64} * 1024 * 1024};
// After a handshake that failed.
inline constexpr LingerLimits kLingerAfterHandshake{
    std::chrono::seconds(1), std::chrono::seconds(1), std::size_t{256} * 1024};

// Closes the sending half of `stream`, and returns when the client has left or a limit is reached.
// A drain shortens the limits. Interrupting the reader makes linger() check for a drain. Not
// inlined: clang would make its frame part of its callers' frames, which idle connections keep.
[[gnu::noinline]] task<void> linger(net::Stream& stream,
                                    LingerLimits limits,
                                    const DrainState& drain);

}  // namespace onehop::server
