// SPDX-License-Identifier: Apache-2.0
#include "acme/words.hpp"

#include "base/utf8.hpp"

#include <algorithm>

namespace onehop::acme {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
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
    const std::size_t size = utf8_character_size(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
    line += size == 0 || is_invisible(utf8_code_point(character)) ? " " : character;
    text.remove_prefix(character.size());
  }
  return line;
}

}  // namespace onehop::acme
