// SPDX-License-Identifier: Apache-2.0
#include "base/returned_memory.hpp"

namespace onehop {

constinit thread_local ReturnedMemory t_returned_memory;

}  // namespace onehop
