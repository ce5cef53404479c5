// SPDX-License-Identifier: Apache-2.0
//
// FullDisk: as long as it exists, no file of this process gets longer than so many bytes.
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
