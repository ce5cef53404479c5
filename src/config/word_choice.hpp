// SPDX-License-Identifier: Apache-2.0
//
// Values that are one of a few words. The placeholder of their setting has them, in the order in
// which people read them: "text|json|off".
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace onehop::config {

// "'xml' is not one of text, json and off", with a suggestion.
std::unexpected<std::string> none_of(std::string_view text, std::string_view placeholder);

// The enumerator whose word is `text`. `words` is in the order of the enumerators.
template <class Enum>
Parsed<Enum> one_of(std::string_view text,
                    std::string_view placeholder,
                    std::span<const std::string_view> words) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end()) return none_of(text, placeholder);
  return static_cast<Enum>(found - words.begin());
}

}  // namespace onehop::config
