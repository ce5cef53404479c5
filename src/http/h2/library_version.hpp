// SPDX-License-Identifier: Apache-2.0
//
// library_version() returns the version of nghttp2.
// Thread: any; constant.
#pragma once

#include <string_view>

namespace onehop::h2 {

// Returns a text such as "1.52.0".
std::string_view library_version() noexcept;

}  // namespace onehop::h2
