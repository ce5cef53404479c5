// SPDX-License-Identifier: Apache-2.0
#include "acme/words.hpp"

#include <algorithm>

namespace onehop::acme {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// Recognizes control characters, separators and direction marks of more than one byte: U+2028 to
// U+202E are line and paragraph separators and direction marks; the other direction marks are
// U+061C, U+200E, U+200F and U+2066 to U+2069.
bool is_invisible(std::string_view character) {
  const auto is_in = [&](std::string_view first, std::string_view last) {
    return character.size() == first.size() && character >= first && character <= last;
  };
  return is_in("\u0080", "\u009f") || is_in("\u061c", "\u061c") || is_in("\u200e", "\u200f") ||
         is_in("\u2028", "\u202e") || is_in("\u2066", "\u2069");
}

}  // namespace

std::string words_of(const Error& error) {
  const bool is_sentence = error.is(Errc::bad_response) || error.is(Errc::bad_option);
  return is_sentence && !error.detail().empty() ? std::string(error.detail()) : error.to_string();
}

std::string_view beginning_of(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && is_continuation(text[size]))
    --size;
  return text.substr(0, size);
}

std::string in_one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < text.size() && is_continuation(text[size]))
      ++size;
    const std::string_view character = text.substr(0, size);
    const auto first = static_cast<unsigned char>(character.front());
    const bool is_control = first < ' ' || first == 0x7f;
    if (is_control || is_invisible(character)) {
      line += ' ';
    } else {
      line += character;
    }
    text.remove_prefix(size);
  }
  return line;
}

}  // namespace onehop::acme
