// SPDX-License-Identifier: Apache-2.0
//
// Whether the kernel may write the memory of this process, with the private keys in it, to a file
// when it crashes, and whether other processes of the same user may look into it. A change of the
// user forbids it again.
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
