// SPDX-License-Identifier: Apache-2.0
//
// CCallback<&function, kFailed>::call wraps `function` as a callback for a C library. If `function`
// throws, call returns kFailed, the library's own error value, because no exception may unwind
// through the library's frames.
// Thread: any.
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
