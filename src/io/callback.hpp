// SPDX-License-Identifier: Apache-2.0
//
// io::call<&Owner::member>(this) is a Callback, for a Timer or a Wakeup that is a member of Owner:
// it calls the member function. An exception that leaves a callback ends the event loop, so use
// call_or() for members that allocate memory. Thread: any; constant.
#pragma once

#include <new>

namespace onehop::io {

struct Callback {
  void (*function)(void* context);
  void* context;

  void operator()() const { function(context); }
};

template <auto kMember, class Owner>
constexpr Callback call(Owner* owner) noexcept {
  return {[](void* self) { (static_cast<Owner*>(self)->*kMember)(); }, owner};
}

// Like call(). If the member throws std::bad_alloc, the callback calls kGiveUp, which does not
// throw. The object is given up, and the event loop continues.
template <auto kMember, auto kGiveUp, class Owner>
constexpr Callback call_or(Owner* owner) noexcept {
  static_assert(noexcept((owner->*kGiveUp)()));
  return {[](void* self) {
            auto& object = *static_cast<Owner*>(self);
            try {
              (object.*kMember)();
            } catch (const std::bad_alloc&) {
              (object.*kGiveUp)();
            }
          },
          owner};
}

}  // namespace onehop::io
