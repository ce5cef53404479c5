// SPDX-License-Identifier: Apache-2.0
#include <onehop/detail/memory.hpp>

#include "base/block_pool.hpp"

#include <cstddef>
#include <new>

namespace onehop::detail {

void* allocate_frame(std::size_t size) {
  void* const frame = take_block(size);
  if (!frame) throw std::bad_alloc();
  return frame;
}

void deallocate_frame(void* frame, std::size_t size) noexcept {
  give_block(frame, size);
}

}  // namespace onehop::detail
