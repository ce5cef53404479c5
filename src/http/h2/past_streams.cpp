// SPDX-License-Identifier: Apache-2.0

#include "http/h2/past_streams.hpp"

#include <algorithm>

namespace onehop::h2 {

void PastStreams::begin(std::int32_t id) noexcept {
  if ((id - last_) / 2 >= kRemembered) {
    states_.fill(State::unused);
  } else {
    for (std::int32_t passed = last_ + 2; passed < id; passed += 2)
      states_[place_of(passed)] = State::unused;
  }
  last_ = std::max(last_, id);
  states_[place_of(id)] = State::begun;
}

void PastStreams::end(std::int32_t id) noexcept {
  if (is_remembered(id)) states_[place_of(id)] = State::ended;
}

PastStreams::State PastStreams::of(std::int32_t id) const noexcept {
  return is_remembered(id) ? states_[place_of(id)] : State::unused;
}

}  // namespace onehop::h2
