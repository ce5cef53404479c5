// SPDX-License-Identifier: Apache-2.0

#include "http/field_names.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstring>

namespace onehop {
namespace {

constexpr std::array kNames = {
    std::string_view(""),
#define ONEHOP_FIELD(id, name, flags) std::string_view(name),
#include "http/field_names.def"
#undef ONEHOP_FIELD
};

constexpr std::size_t kLongestName = [] {
  std::size_t longest = 0;
  for (const std::string_view name : kNames)
    longest = std::max(longest, name.size());
  return longest;
}();

// A name in lower case, and 0x20 at each letter: `text` matches if (text ^ lower) & ~anycase is
// zero everywhere.
struct Pattern {
  std::array<char, kLongestName> lower{};
  std::array<char, kLongestName> anycase{};
};

constexpr std::array<Pattern, kNames.size()> kPatterns = [] {
  std::array<Pattern, kNames.size()> patterns{};
  for (std::size_t row = 0; row < kNames.size(); ++row) {
    for (std::size_t i = 0; i < kNames[row].size(); ++i) {
      const char c = ascii::to_lower(kNames[row][i]);
      patterns[row].lower[i] = c;
      patterns[row].anycase[i] = ascii::is_alpha(c) ? 0x20 : 0;
    }
  }
  return patterns;
}();

// Mixes the size and three bytes. The 0x20 folds the case of letters and changes no other byte that
// matters.
constexpr std::size_t slot_of(std::string_view name) noexcept {
  const auto byte = [name](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(name[at]) | 0x20);
  };
  const std::size_t mixed =
      name.size() * 37 + byte(0) * 5 + byte(name.size() / 2) * 11 + byte(name.size() - 1) * 83;
  return (mixed ^ (mixed >> 6)) & 255;
}

// Open addressing, at most a quarter full: an unknown name usually hits an empty slot first.
constexpr std::array<std::uint8_t, 256> kSlots = [] {
  std::array<std::uint8_t, 256> slots{};
  for (std::size_t row = 1; row < kNames.size(); ++row) {
    std::size_t slot = slot_of(kNames[row]);
    while (slots[slot] != 0)
      slot = (slot + 1) & 255;
    slots[slot] = static_cast<std::uint8_t>(row);
  }
  return slots;
}();

template <class Word>
bool differ_at(const char* text, const Pattern& pattern, std::size_t at) noexcept {
  Word have;
  Word want;
  Word anycase;
  std::memcpy(&have, text + at, sizeof have);
  std::memcpy(&want, pattern.lower.data() + at, sizeof want);
  std::memcpy(&anycase, pattern.anycase.data() + at, sizeof anycase);
  return ((have ^ want) & static_cast<Word>(~anycase)) != 0;
}

bool matches(std::string_view text, const Pattern& pattern) noexcept {
  const std::size_t size = text.size();
  if (size < 4) {
    for (std::size_t i = 0; i < size; ++i) {
      if (((text[i] ^ pattern.lower[i]) & ~pattern.anycase[i]) != 0) return false;
    }
    return true;
  }
  if (size < 8) {
    return !differ_at<std::uint32_t>(text.data(), pattern, 0) &&
           !differ_at<std::uint32_t>(text.data(), pattern, size - 4);
  }
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    if (differ_at<std::uint64_t>(text.data(), pattern, i)) return false;
  }
  return !differ_at<std::uint64_t>(text.data(), pattern, size - 8);
}

}  // namespace

FieldId find_field(std::string_view name) noexcept {
  if (name.size() < 2 || name.size() > kLongestName) return FieldId::unknown;
  for (std::size_t slot = slot_of(name); kSlots[slot] != 0; slot = (slot + 1) & 255) {
    const std::size_t row = kSlots[slot];
    if (kNames[row].size() == name.size() && matches(name, kPatterns[row])) {
      return static_cast<FieldId>(row);
    }
  }
  return FieldId::unknown;
}

std::string_view name_of(FieldId id) noexcept {
  return kNames[static_cast<std::size_t>(id)];
}

}  // namespace onehop
