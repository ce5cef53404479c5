// SPDX-License-Identifier: Apache-2.0
//
// Controls whether the kernel may write the memory of this process, which holds private keys, to a
// file when it crashes, and whether other processes of the same user may read that memory. Changing
// the user forbids both again.
// Thread: any.
#pragma once

#include <sys/prctl.h>

namespace onehop::program {

inline void forbid_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

inline void allow_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace onehop::program
