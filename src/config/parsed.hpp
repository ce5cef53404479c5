// SPDX-License-Identifier: Apache-2.0
//
// Parsed<T> is a value that was parsed from a text, or a sentence that explains the error. The
// caller prepends the source of the text.
// Thread: any.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace onehop::config {

template <class T>
using Parsed = std::expected<T, std::string>;

inline std::unexpected<std::string> refused(std::string why) {
  return std::unexpected<std::string>(std::move(why));
}

}  // namespace onehop::config
