// SPDX-License-Identifier: Apache-2.0
//
// ShortOfMemory makes memory short for its thread while it exists.
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
