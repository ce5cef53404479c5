// SPDX-License-Identifier: Apache-2.0
//
// The allocator of nghttp2 sessions. A request allocates and frees a dozen small blocks. They come
// from the block pool (block_pool.hpp), and each records its own size.
// Thread: any.
#pragma once

#include <cstddef>

namespace onehop::h2 {

// Returns memory aligned for any type, or null if memory is exhausted.
void* allocate_block(std::size_t size) noexcept;
void* allocate_zeroed(std::size_t count, std::size_t size) noexcept;
// Behaves like realloc(). The block may move.
void* resize_block(void* block, std::size_t size) noexcept;
void free_block(void* block) noexcept;

}  // namespace onehop::h2
