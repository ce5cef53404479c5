// SPDX-License-Identifier: Apache-2.0
//
// CCallback<&function, kFailed>::call: `function` as a library in C may call it. An exception, of
// memory that has run out for example, must not pass through the library's frames: kFailed, which
// tells the library of a failure in its own way, is returned instead.
#pragma once

namespace onehop {

template <auto kFunction, auto kFailed>
struct CCallback;

template <class R, class... Args, R (*kFunction)(Args...), auto kFailed>
struct CCallback<kFunction, kFailed> {
  static R call(Args... args) noexcept {
    try {
      return kFunction(args...);
    } catch (...) {
      return kFailed;
    }
  }
};

}  // namespace onehop
