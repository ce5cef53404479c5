// SPDX-License-Identifier: Apache-2.0
//
// Version is the HTTP version with which a message was received or will be sent (RFC 9110 §2.5).
#pragma once

#include <onehop/detail/compiler.hpp>

#include <cstdint>
#include <string_view>

namespace onehop {

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

// Returns the version as in a message: "HTTP/1.1".
std::string_view to_string(Version version) noexcept;

}  // namespace onehop
