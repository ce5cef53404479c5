// SPDX-License-Identifier: Apache-2.0
//
// The memory that a request may use while memory is short. The server promises this much to a
// request that it admits (base/promised_memory), and every part of the path of a message stays
// within it.
#pragma once

#include <cstddef>

namespace onehop::wire {

// The maximum number of bytes of a body that are read at once, and so the maximum kept for a peer
// that does not read.
inline constexpr std::size_t kShortPiece = std::size_t{16} * 1024;

// kRequestClaim is for the buffer of a response with a head of the usual size, and a piece of each
// body; kTlsClaim for a TLS record that the client does not accept.
inline constexpr std::size_t kRequestClaim = 3 * kShortPiece;
inline constexpr std::size_t kTlsClaim = kShortPiece;

}  // namespace onehop::wire
