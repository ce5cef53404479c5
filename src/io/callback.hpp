// SPDX-License-Identifier: Apache-2.0
//
// io::call<&Owner::member>(this) is a Callback, for a Timer or a Wakeup that is a member of Owner:
// it calls the member function. An exception that leaves a callback ends the event loop, so one
// that allocates memory is made with call_or(). Thread: any; constant.
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

// The same. If the member throws std::bad_alloc, it calls kGiveUp, which does not throw: the object
// is given up, and the event loop goes on.
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
