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
inline constexpr std::size_t kLargestPooledBlock = 4088;

// The size of the pooled block that holds `size` bytes: 8, 24, 40 and so on. glibc's malloc keeps 8
// bytes beside each block and rounds the sum up to 16, so that none but the first wastes a byte.
constexpr std::size_t pooled_size(std::size_t size) noexcept {
  return (size + 7) / 16 * 16 + 8;
}

// Returns memory aligned for any type, or null if memory is exhausted. `size` must not be 0. The
// caller returns it with give_block().
void* take_block(std::size_t size) noexcept;
// Returns a block. `size` is the size it was taken with, or another with the same pooled_size().
void give_block(void* block, std::size_t size) noexcept;

// Frees the blocks that this thread has not used since the last call. Returns true if many remain
// that the next call may free. Call it periodically.
bool shrink_block_pool() noexcept;

}  // namespace onehop
