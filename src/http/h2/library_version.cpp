// SPDX-License-Identifier: Apache-2.0
#include "http/h2/library_version.hpp"

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {

std::string_view library_version() noexcept {
  return ::nghttp2_version(0)->version_str;
}

}  // namespace onehop::h2
