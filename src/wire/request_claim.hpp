// SPDX-License-Identifier: Apache-2.0
//
// What a request may claim of memory while that is short, and so what it is promised when it is
// admitted (base/promised_memory). Each part of the way of a message holds itself to it.
#pragma once

#include <cstddef>

namespace onehop::wire {

// What is read of a body at once, and so what may be kept of it for a peer that does not take it.
inline constexpr std::size_t kShortPiece = std::size_t{16} * 1024;

// A response's buffer, with a head of usual size; a piece of each body; a record of TLS for a
// client that does not take it.
inline constexpr std::size_t kRequestClaim = 3 * kShortPiece;
inline constexpr std::size_t kTlsClaim = kShortPiece;

}  // namespace onehop::wire
