// SPDX-License-Identifier: Apache-2.0
//
// The version of this library.
#pragma once

#include <string_view>

namespace onehop {

// Returns "MAJOR.MINOR.PATCH". Thread: any; constant.
std::string_view library_version() noexcept;

}  // namespace onehop
