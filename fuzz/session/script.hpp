// SPDX-License-Identifier: Apache-2.0
//
// Script reads a fuzzed input as a list of actions. Every input is a script, and one action is
//
//   kind (1 byte)   choice (1 byte)   size (1 byte)   data (size bytes, or what is left)
//
// so that script_mutator.cpp can move actions without changing their meaning. It is a view of the
// input.
// Thread: owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop::fuzz {

struct Action {
  std::uint8_t kind = 0;
  std::uint8_t choice = 0;
  std::string_view data;

  // Returns 0 beyond the end of the data.
  std::uint8_t at(std::size_t index) const noexcept {
    return index < data.size() ? static_cast<std::uint8_t>(data[index]) : std::uint8_t{0};
  }
  bool has_bit(std::size_t index, unsigned bit) const noexcept {
    return ((at(index) >> bit) & 1U) != 0;
  }
};

class Script {
 public:
  static constexpr std::size_t kHeader = 3;
  // Longer scripts only repeat shorter ones.
  static constexpr std::size_t kMaxActions = 64;

  explicit Script(std::string_view input) noexcept : rest_(input) {}

  std::optional<Action> next() noexcept {
    if (rest_.size() < kHeader || ++taken_ > kMaxActions) return std::nullopt;
    const auto byte = [this](std::size_t i) { return static_cast<std::uint8_t>(rest_[i]); };
    const std::size_t size = std::min<std::size_t>(byte(2), rest_.size() - kHeader);
    const Action action{byte(0), byte(1), rest_.substr(kHeader, size)};
    rest_.remove_prefix(kHeader + size);
    return action;
  }

 private:
  std::string_view rest_;
  std::size_t taken_ = 0;
};

// Returns the content size that one byte of a script asks for.
inline std::size_t content_size(std::uint8_t choice) noexcept {
  constexpr std::size_t kSizes[] = {0, 1, 5, 100, 1000, 4096, 20'000, 70'000};
  return kSizes[choice % 8U];
}

}  // namespace onehop::fuzz
