// SPDX-License-Identifier: Apache-2.0
//
// The memory that a request may claim while memory is short, and so the promise it gets when it is
// admitted (base/promised_memory). Each part of the way of a message keeps to it.
#pragma once

#include <cstddef>

namespace onehop::wire {

// The maximum read of a body at once, and so the maximum kept of it for a peer that does not read.
inline constexpr std::size_t kShortPiece = std::size_t{16} * 1024;

// A response's buffer, with a head of usual size; a piece of each body; a record of TLS for a
// client that does not take it.
inline constexpr std::size_t kRequestClaim = 3 * kShortPiece;
inline constexpr std::size_t kTlsClaim = kShortPiece;

}  // namespace onehop::wire
