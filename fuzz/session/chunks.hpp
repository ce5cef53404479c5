// SPDX-License-Identifier: Apache-2.0
//
// Encodes one chunk of a chunked body (RFC 9112 §7.1).
// Thread: any.
#pragma once

#include <charconv>
#include <string>

namespace onehop::fuzz {

inline std::string chunk_of(const std::string& content) {
  char size[20];
  const char* end = std::to_chars(size, size + sizeof size, content.size(), 16).ptr;
  return std::string(static_cast<const char*>(size), end) + "\r\n" + content + "\r\n";
}

}  // namespace onehop::fuzz
