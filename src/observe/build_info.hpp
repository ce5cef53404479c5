// SPDX-License-Identifier: Apache-2.0
//
// The versions that this program was built from and runs with.
// Thread: any; constant.
#pragma once

#include <string_view>

namespace onehop::observe {

struct BuildInfo {
  std::string_view version;  // "0.1.0"
  std::string_view commit;   // "a1b2c3d4e5f6"; "" for a build outside a git repository
  std::string_view openssl, nghttp2;
};
BuildInfo build_info() noexcept;

}  // namespace onehop::observe
