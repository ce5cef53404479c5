// SPDX-License-Identifier: Apache-2.0
//
// ShortOfMemory: while one exists, memory is short for its thread.
#pragma once

#include "base/held_memory.hpp"

namespace onehop {

struct ShortOfMemory {
  ShortOfMemory() { set_memory_ceiling(0); }
  ShortOfMemory(const ShortOfMemory&) = delete;
  ShortOfMemory& operator=(const ShortOfMemory&) = delete;
  ~ShortOfMemory() { set_memory_ceiling(kNoMemoryCeiling); }
};

}  // namespace onehop
