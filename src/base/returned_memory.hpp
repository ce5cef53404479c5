// SPDX-License-Identifier: Apache-2.0
//
// Counts the memory that this thread returned to malloc, which keeps it. After a burst of requests,
// this can be most of the memory of the process. base/memory_release returns it to the system.
// Thread: owner.
#pragma once

#include <algorithm>
#include <cstddef>

namespace onehop {

struct ReturnedMemory {
  // Bytes returned by the free lists, and the count at the last release.
  std::size_t returned = 0;
  std::size_t seen = 0;
  // Bytes freed in total. malloc keeps them in pieces that may not fit the next, larger allocation.
  std::size_t freed = 0;
};
// The counts of this thread.
extern constinit thread_local ReturnedMemory t_returned_memory;

inline void count_returned_memory(std::size_t size) noexcept {
  t_returned_memory.returned += size;
}
// Reports that memory was taken, which may be part of the returned memory.
inline void count_taken_memory(std::size_t size) noexcept {
  t_returned_memory.returned -= std::min(t_returned_memory.returned, size);
}
inline void count_freed_memory(std::size_t size) noexcept {
  t_returned_memory.freed += size;
}

}  // namespace onehop
