// SPDX-License-Identifier: Apache-2.0
//
// has_content_by_habit(): the methods whose requests say Content-Length: 0 where they have no
// content (RFC 9110 §8.6). Pure function; any thread.
#pragma once

#include <onehop/method.hpp>

namespace onehop {

inline bool has_content_by_habit(const Method& method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

}  // namespace onehop
