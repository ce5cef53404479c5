// SPDX-License-Identifier: Apache-2.0
//
// The version of the HTTP/2 library.
// Thread: any; constant.
#pragma once

#include <string_view>

namespace onehop::h2 {

// "1.52.0"
std::string_view library_version() noexcept;

}  // namespace onehop::h2
