// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.hpp"

#include "base/hexadecimal.hpp"
#include "base/utf8.hpp"

namespace onehop {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

void append_special(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
    return;
  }
  out += "\\u00";
  append_hexadecimal(out, static_cast<unsigned char>(c));
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain]))
      ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t size = utf8_character_size(text);
    if (size > 1) {
      out += text.substr(0, size);
    } else if (size == 1) {
      append_special(out, text.front());
    } else {
      out += kReplacement;
    }
    text.remove_prefix(size > 0 ? size : 1);
  }
  out += '"';
}

void append_json_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

}  // namespace onehop
