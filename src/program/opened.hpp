// SPDX-License-Identifier: Apache-2.0
//
// opened() takes ownership of the descriptor that a system call has returned.
// Thread: any.
#pragma once

#include "io/file_descriptor.hpp"

#include <cerrno>
#include <system_error>

namespace onehop::program {

// Throws std::system_error with errno if `descriptor` is negative. `what` names the system call.
inline io::FileDescriptor opened(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), what);
  return io::FileDescriptor(descriptor);
}

}  // namespace onehop::program
