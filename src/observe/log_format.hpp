// SPDX-License-Identifier: Apache-2.0
//
// The forms of the access log.
// Thread: any; constant.
#pragma once

#include <cstdint>

namespace onehop::observe {

enum class AccessLogFormat : std::uint8_t { off, text, json };

}  // namespace onehop::observe
