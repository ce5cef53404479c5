// SPDX-License-Identifier: Apache-2.0
//
// BufferPool lends 16 KiB buffers to connections while they are busy; an idle connection has none.
// The buffer returned last is lent first, because its memory is warm.
// Thread: owner.
#pragma once

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace onehop::io {

class BufferPool {
 public:
  static constexpr std::size_t kSize = 16 * 1024;
  static constexpr std::size_t kKept = 16;  // at most 256 KiB per thread

  using Buffer = std::unique_ptr<char[]>;

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() { count_released(free_.size() * kSize); }

  Buffer take() {
    if (free_.empty()) {
      free_.reserve(kKept);  // for callers that return buffers in a destructor, which cannot fail
      Buffer buffer = std::make_unique_for_overwrite<char[]>(kSize);
      count_held(kSize);
      return buffer;
    }
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give_back(Buffer buffer) {
    if (!kMemoryChecker && free_.size() < kKept) {
      free_.push_back(std::move(buffer));
    } else {
      count_returned_memory(kSize);
      count_released(kSize);
    }
  }

 private:
  std::vector<Buffer> free_;
};

}  // namespace onehop::io
