// SPDX-License-Identifier: Apache-2.0
//
// opened() owns what a system call has opened.
// Thread: any.
#pragma once

#include "io/file_descriptor.hpp"

#include <cerrno>
#include <system_error>

namespace onehop::program {

// Throws std::system_error, with errno, for a descriptor below 0. `what` is the system call.
inline io::FileDescriptor opened(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), what);
  return io::FileDescriptor(descriptor);
}

}  // namespace onehop::program
