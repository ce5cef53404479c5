// SPDX-License-Identifier: Apache-2.0
//
// Memory blocks that are allocated and freed with each request: coroutine frames, arenas, HTTP/2
// streams. They come from free lists of the calling thread, which keep as many blocks as the thread
// has used recently.
// Thread: any.
#pragma once

#include <cstddef>

namespace onehop {

// Larger blocks come from malloc; so do all blocks under a memory checker.
inline constexpr std::size_t kLargestPooledBlock = 4096;
// Sizes that round up to the same multiple of this share a list.
inline constexpr std::size_t kBlockStep = 32;

// Returns memory aligned for any type, or null if memory is exhausted. `size` must not be 0. The
// caller returns it with give_block().
void* take_block(std::size_t size) noexcept;
// Returns a block. `size` is the size it was taken with, or another size of the same
// list.
void give_block(void* block, std::size_t size) noexcept;

// Frees the blocks that this thread has not used since the last call. Returns true if many remain
// that the next call may free. Call it periodically.
bool shrink_block_pool() noexcept;

}  // namespace onehop
