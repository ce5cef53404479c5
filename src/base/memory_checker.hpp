// SPDX-License-Identifier: Apache-2.0
//
// kMemoryChecker is true if a sanitizer checks the heap. Free lists are disabled then, so that a
// use after free is detected.
#pragma once

namespace onehop {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryChecker = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
inline constexpr bool kMemoryChecker = true;
#else
inline constexpr bool kMemoryChecker = false;
#endif
#else
inline constexpr bool kMemoryChecker = false;
#endif

}  // namespace onehop
