// SPDX-License-Identifier: Apache-2.0
//
// The version of the TLS library.
// Thread: any; constant.
#pragma once

#include <string_view>

namespace onehop::net {

// Returns the version of the library in use, such as "3.0.19".
std::string_view tls_library_version() noexcept;

}  // namespace onehop::net
