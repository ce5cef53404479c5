// SPDX-License-Identifier: Apache-2.0
//
// LabelSlots assigns a slot for counters to each value of a label that comes from the
// configuration, such as the name of a route. A value keeps its slot while it has users. The last
// kMaxFormer values that have lost their users keep their slots too, so that a counter continues if
// its value is configured again. So there are at most kMaxFormer slots more than the configurations
// in use need.
// Thread: owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

class LabelSlots {
 public:
  static constexpr std::size_t kMax = 4096;
  static constexpr std::size_t kMaxFormer = 64;
  // The slots of "default" and of "other", which stands for values without their own slot.
  static constexpr std::size_t kDefault = 0;
  static constexpr std::size_t kOther = 1;

  LabelSlots();

  // Called before a slot without users is given to another value.
  using Empty = std::function<void(std::size_t slot)>;
  // Adds a user to a value and returns its slot; kOther if all kMax slots are used.
  std::size_t take(std::string_view value, const Empty& empty);
  // Removes a user from the value of the slot.
  void give_back(std::size_t slot) noexcept;

  std::size_t size() const noexcept { return slots_.size(); }
  const std::string& value(std::size_t slot) const noexcept { return slots_[slot].value; }
  bool is_used(std::size_t slot) const noexcept { return slots_[slot].users > 0; }

 private:
  struct Slot {
    std::string value;
    std::size_t users = 0;
    std::uint64_t left = 0;  // orders slots by when they lost their last user
  };

  // Returns the slot that has been without users for the longest time; kDefault if at most
  // `allowed` slots are without users.
  std::size_t oldest_former(std::size_t allowed) const noexcept;

  std::vector<Slot> slots_;
  std::map<std::string, std::size_t, std::less<>> by_value_;
  std::uint64_t clock_ = 0;
};

}  // namespace onehop::observe
