// SPDX-License-Identifier: Apache-2.0
//
// ONEHOP_CHECK aborts in every build if an invariant is broken whose violation would be a memory or
// security fault. ONEHOP_DCHECK does so in debug builds only.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace onehop::detail {
[[noreturn]] inline void check_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "onehop: %s:%d: check failed: %s\n", file, line, what);
  std::abort();
}
}  // namespace onehop::detail

#define ONEHOP_CHECK(condition)                        \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::onehop::detail::check_failed(#condition, __FILE__, __LINE__))
#ifdef NDEBUG
#define ONEHOP_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define ONEHOP_DCHECK(condition) ONEHOP_CHECK(condition)
#endif
