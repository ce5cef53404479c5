// SPDX-License-Identifier: Apache-2.0
#include "observe/label_slots.hpp"

#include "observe/upstream_endpoints.hpp"

namespace onehop::observe {
namespace {

constexpr std::string_view kOtherValue = "other";

}  // namespace

LabelSlots::LabelSlots() {
  for (const std::string_view value : {kTopUpstream, kOtherValue}) {
    by_value_.emplace(value, slots_.size());
    slots_.push_back({.value = std::string(value)});
  }
}

std::size_t LabelSlots::take(std::string_view value, const Empty& empty) {
  if (const auto known = by_value_.find(value); known != by_value_.end()) {
    ++slots_[known->second].users;
    return known->second;
  }
  std::size_t slot = oldest_former(slots_.size() < kMax ? kMaxFormer - 1 : 0);
  if (slot != kDefault) {
    empty(slot);
    by_value_.erase(slots_[slot].value);
    slots_[slot].value = value;
  } else if (slots_.size() < kMax) {
    slot = slots_.size();
    slots_.push_back({.value = std::string(value)});
  } else {
    ++slots_[kOther].users;
    return kOther;
  }
  by_value_.emplace(value, slot);
  slots_[slot].users = 1;
  return slot;
}

void LabelSlots::give_back(std::size_t slot) noexcept {
  Slot& one = slots_[slot];
  if (one.users > 0 && --one.users == 0) one.left = ++clock_;
}

std::size_t LabelSlots::oldest_former(std::size_t allowed) const noexcept {
  std::size_t count = 0;
  std::size_t oldest = kDefault;
  for (std::size_t slot = kOther + 1; slot < slots_.size(); ++slot) {
    if (slots_[slot].users > 0) continue;
    ++count;
    if (oldest == kDefault || slots_[slot].left < slots_[oldest].left) oldest = slot;
  }
  return count > allowed ? oldest : kDefault;
}

}  // namespace onehop::observe
