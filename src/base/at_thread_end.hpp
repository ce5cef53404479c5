// SPDX-License-Identifier: Apache-2.0
//
// AtThreadEnd<&function> calls `function` when its thread ends. Declare it as thread_local, and
// call arm() on each thread that needs it, because an object that is never used is never
// constructed.
// Thread: owner.
#pragma once

namespace onehop {

template <void (*kFunction)() noexcept>
struct AtThreadEnd {
  AtThreadEnd() noexcept = default;
  AtThreadEnd(const AtThreadEnd&) = delete;
  AtThreadEnd& operator=(const AtThreadEnd&) = delete;
  ~AtThreadEnd() { kFunction(); }
  void arm() const noexcept {}
};

}  // namespace onehop
