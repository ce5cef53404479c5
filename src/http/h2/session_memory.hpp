// SPDX-License-Identifier: Apache-2.0
//
// The memory of sessions, as nghttp2 asks for it: a request takes and gives back a dozen small
// blocks. They are those of block_pool.hpp, and know how large they are.
#pragma once

#include <cstddef>

namespace onehop::h2 {

// Aligned for anything; nullptr when there is none left.
void* allocate_block(std::size_t size) noexcept;
void* allocate_zeroed(std::size_t count, std::size_t size) noexcept;
// As realloc() does. The block may move.
void* resize_block(void* block, std::size_t size) noexcept;
void free_block(void* block) noexcept;

}  // namespace onehop::h2
