// SPDX-License-Identifier: Apache-2.0
//
// Parsed<T>: a value read from the command line, or one sentence that says what is wrong with it.
// The caller knows where the text came from and puts that in front. Plain values.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace onehop::program {

template <class T>
using Parsed = std::expected<T, std::string>;

inline std::unexpected<std::string> refused(std::string why) {
  return std::unexpected<std::string>(std::move(why));
}

}  // namespace onehop::program
