// SPDX-License-Identifier: Apache-2.0
//
// usually_has_content() reports whether requests with a method state Content-Length: 0 if they have
// no content (RFC 9110 §8.6).
// Thread: any.
#pragma once

#include <onehop/method.hpp>

namespace onehop {

inline bool usually_has_content(const Method& method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

}  // namespace onehop
