// SPDX-License-Identifier: Apache-2.0

#include "http/h1/octet_scan.hpp"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

using Skip = const char* (*)(const char*, const char*);
using IsAllowed = bool (*)(char);

// Every octet at every place of runs around the width of a register, in memory of exactly that
// size.
void check(Skip skip, IsAllowed is_allowed, char filler) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const auto text = std::make_unique<char[]>(size);
    for (std::size_t at = 0; at <= size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::fill_n(text.get(), size, filler);
        const char c = static_cast<char>(octet);
        if (at < size) text[at] = c;
        const std::size_t expected = at < size && !is_allowed(c) ? at : size;
        ASSERT_EQ(skip(text.get(), text.get() + size) - text.get(),
                  static_cast<std::ptrdiff_t>(expected))
            << "octet " << octet << " at " << at << " of " << size;
      }
    }
  }
}

TEST(OctetScan, Value) {
  check(skip_value, ascii::is_value_octet, 'v');
  check(skip_value, ascii::is_value_octet, '\xff');
}

TEST(OctetScan, Target) {
  check(skip_target, ascii::is_target_octet, '/');
}

TEST(OctetScan, Token) {
  check(skip_token, ascii::is_token_octet, 'N');
  check(skip_token, ascii::is_token_octet, '_');  // a token octet off the fast path
}

using IsAll = bool (*)(std::string_view);

void check_all(IsAll is_all, IsAllowed is_allowed, char filler) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const auto text = std::make_unique<char[]>(size);
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::fill_n(text.get(), size, filler);
        const char c = text[at] = static_cast<char>(octet);
        ASSERT_EQ(is_all({text.get(), size}), is_allowed(c))
            << "octet " << octet << " at " << at << " of " << size;
      }
    }
  }
}

bool is_lower_case_token_octet(char c) {
  return ascii::is_token_octet(c) && (c < 'A' || c > 'Z');
}

TEST(OctetScan, WholeValue) {
  check_all(is_value, ascii::is_value_octet, 'v');
  check_all(is_value, ascii::is_value_octet, '\xff');
  EXPECT_TRUE(is_value(""));
}

TEST(OctetScan, WholeNameInLowerCase) {
  check_all(is_lower_case_token, is_lower_case_token_octet, 'n');
  check_all(is_lower_case_token, is_lower_case_token_octet, '_');
  EXPECT_FALSE(is_lower_case_token(""));
}

}  // namespace
}  // namespace onehop::h1
