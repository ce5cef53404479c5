// SPDX-License-Identifier: Apache-2.0
//
// Version: the HTTP version a message was received with or is sent as (RFC 9110 §2.5).
#pragma once

#include <onehop/detail/compiler.hpp>

#include <cstdint>
#include <string_view>

namespace onehop {

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

// "HTTP/1.1"
std::string_view to_string(Version version) noexcept;

}  // namespace onehop
