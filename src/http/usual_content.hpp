// SPDX-License-Identifier: Apache-2.0
//
// usually_has_content() reports whether requests with `method` usually have content. One without
// content then states Content-Length: 0 (RFC 9110 §8.6).
// Thread: any.
#pragma once

#include <onehop/method.hpp>

namespace onehop {

inline bool usually_has_content(const Method& method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

}  // namespace onehop
