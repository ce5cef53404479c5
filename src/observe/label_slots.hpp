// SPDX-License-Identifier: Apache-2.0
//
// LabelSlots: the values of a label that come from the configuration, such as the names of routes,
// and a slot for the counters of each. A value has its slot as long as something uses it, and
// longer: the last kMaxFormer that have lost their users stay, so that a counter goes on when its
// value is configured again. So there are at most kMaxFormer more than the configurations in use
// name.
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
  // Those of "default", and of "other", which stands for values without a slot of their own.
  static constexpr std::size_t kDefault = 0;
  static constexpr std::size_t kOther = 1;

  LabelSlots();

  // Called with a slot that gets another value, which nothing has used for the longest time.
  using Empty = std::function<void(std::size_t slot)>;
  // Returns the slot of a value, which has one user more; kOther if there are kMax.
  std::size_t take(std::string_view value, const Empty& empty);
  // The value has one user less.
  void give_back(std::size_t slot) noexcept;

  std::size_t size() const noexcept { return slots_.size(); }
  const std::string& value(std::size_t slot) const noexcept { return slots_[slot].value; }
  bool is_used(std::size_t slot) const noexcept { return slots_[slot].users > 0; }

 private:
  struct Slot {
    std::string value;
    std::size_t users = 0;
    std::uint64_t left = 0;  // when it lost its last user, in the order of these
  };

  // Returns the slot of the value that has been without users for the longest time; kDefault if
  // there are at most `allowed` of them.
  std::size_t oldest_former(std::size_t allowed) const noexcept;

  std::vector<Slot> slots_;
  std::map<std::string, std::size_t, std::less<>> by_value_;
  std::uint64_t clock_ = 0;
};

}  // namespace onehop::observe
