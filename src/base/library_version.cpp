// SPDX-License-Identifier: Apache-2.0

#include <onehop/library_version.hpp>

// The build passes the version of the project.
#ifndef ONEHOP_VERSION
#define ONEHOP_VERSION "0.1.0"
#endif

namespace onehop {

std::string_view library_version() noexcept {
  return ONEHOP_VERSION;
}

}  // namespace onehop
