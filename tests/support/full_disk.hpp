// SPDX-License-Identifier: Apache-2.0
//
// FullDisk limits every file that this process writes to `room` bytes while it exists.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace onehop {

class FullDisk {
 public:
  explicit FullDisk(rlim_t room) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = room, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace onehop
