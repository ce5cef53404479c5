// SPDX-License-Identifier: Apache-2.0
//
// io::call<&Owner::member>(this) is a Callback, for a Timer or a Wakeup that is a member of Owner:
// it calls the member function. Thread: any; constant.
#pragma once

namespace onehop::io {

struct Callback {
  void (*function)(void* context);
  void* context;
};

template <auto kMember, class Owner>
constexpr Callback call(Owner* owner) noexcept {
  return {[](void* self) { (static_cast<Owner*>(self)->*kMember)(); }, owner};
}

}  // namespace onehop::io
