// SPDX-License-Identifier: Apache-2.0
#include "observe/build_info.hpp"

#include <onehop/library_version.hpp>

#include "http/h2/library_version.hpp"
#include "net/tls_version.hpp"

// The build defines the commit.
#ifndef ONEHOP_COMMIT
#define ONEHOP_COMMIT ""
#endif

namespace onehop::observe {

BuildInfo build_info() noexcept {
  return {.version = library_version(),
          .commit = ONEHOP_COMMIT,
          .openssl = net::tls_library_version(),
          .nghttp2 = h2::library_version()};
}

}  // namespace onehop::observe
