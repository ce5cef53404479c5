// SPDX-License-Identifier: Apache-2.0
//
// Blocks of memory that come and go with each request: coroutine frames, arenas, the streams of
// HTTP/2. They come from free lists of the calling thread, which keep as many as the thread's work
// has needed lately. A block may be given back on any thread.
#pragma once

#include <cstddef>

namespace onehop {

// Larger blocks, and all of them where a memory checker watches, are malloc's.
inline constexpr std::size_t kLargestPooledBlock = 4096;
// Two sizes share a list when they are the same multiple of this, rounded up.
inline constexpr std::size_t kBlockStep = 32;

// Aligned for anything; nullptr when there is none left. `size` is not 0.
void* take_block(std::size_t size) noexcept;
// `size` is the one it was taken with, or another of the same list.
void give_block(void* block, std::size_t size) noexcept;

// Gives back to malloc what this thread had lying in its lists ever since the last call. True when
// much is left that the next call may find unused; call it once in a while.
bool shrink_block_pool() noexcept;

}  // namespace onehop
