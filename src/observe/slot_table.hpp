// SPDX-License-Identifier: Apache-2.0
//
// SlotTable<T> holds an object for each of the LabelSlots. Its owner makes an object on first use.
// The table grows without moving objects, so any thread may call get() meanwhile.
// Thread: owner.
#pragma once

#include "observe/label_slots.hpp"
#include "observe/published.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace onehop::observe {

template <class T>
class SlotTable {
 public:
  // Returns null before get_or_make().
  T* get(std::size_t slot) const noexcept {
    const Part* const part = parts_[slot / kPart].get();
    return part != nullptr ? (*part)[slot % kPart].get() : nullptr;
  }
  template <class... Arguments>
  T& get_or_make(std::size_t slot, Arguments&&... arguments) {
    return parts_[slot / kPart].get_or_make()[slot % kPart].get_or_make(
        std::forward<Arguments>(arguments)...);
  }
  // Destroys the object. No other thread may use the slot meanwhile.
  void reset(std::size_t slot) noexcept {
    if (Part* const part = parts_[slot / kPart].get()) (*part)[slot % kPart].reset();
  }

 private:
  static constexpr std::size_t kPart = 64;
  using Part = std::array<Published<T>, kPart>;

  std::array<Published<Part>, LabelSlots::kMax / kPart> parts_;
};

}  // namespace onehop::observe
