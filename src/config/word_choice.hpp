// SPDX-License-Identifier: Apache-2.0
//
// Parses values that are one of a few words. The placeholder of the setting lists the words in the
// order in which people read them: "text|json|off".
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace onehop::config {

// Returns the error "'xml' is not one of text, json and off", with a suggestion if a word is
// similar.
std::unexpected<std::string> none_of(std::string_view text, std::string_view placeholder);

// Returns the enumerator whose word is `text`. `words` has the words in the order of the
// enumerators.
template <class Enum>
Parsed<Enum> one_of(std::string_view text,
                    std::string_view placeholder,
                    std::span<const std::string_view> words) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end()) return none_of(text, placeholder);
  return static_cast<Enum>(found - words.begin());
}

}  // namespace onehop::config
