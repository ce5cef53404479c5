// SPDX-License-Identifier: Apache-2.0
//
// is_shortage() reports whether a system call failed because this machine is short of a resource:
// descriptors, memory or local ports. No peer is at fault then.
// Thread: any.
#pragma once

#include <cerrno>
#include <system_error>

namespace onehop {

inline bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
         error == EADDRNOTAVAIL;
}
inline bool is_shortage(std::error_code error) noexcept {
  return error.category() == std::system_category() && is_shortage(error.value());
}

}  // namespace onehop
