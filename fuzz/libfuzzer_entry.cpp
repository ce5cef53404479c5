// SPDX-License-Identifier: Apache-2.0
#include "fuzz_one.hpp"

#include <cstdint>

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  onehop::fuzz::fuzz_one({reinterpret_cast<const char*>(data), size});
  return 0;
}
