// SPDX-License-Identifier: Apache-2.0
//
// While a NoDescriptors exists, this process cannot open a descriptor.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace onehop {

class NoDescriptors {
 public:
  // Returns false under UndefinedBehaviorSanitizer, which needs a pipe to look at the type of an
  // exception.
  static constexpr bool is_possible_with_exceptions() {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
    return false;
#endif
#endif
    return true;
  }

  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace onehop
