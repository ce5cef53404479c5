// SPDX-License-Identifier: Apache-2.0

#include "http/h1/byte_scan.hpp"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

using Skip = const char* (*)(const char*, const char*);
using IsAllowed = bool (*)(char);

// Tries every byte at every position of runs of about a register's width, in memory of exactly the
// size of the run.
void check(Skip skip, IsAllowed is_allowed, char filler) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const auto text = std::make_unique<char[]>(size);
    for (std::size_t at = 0; at <= size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::fill_n(text.get(), size, filler);
        const char c = static_cast<char>(byte);
        if (at < size) text[at] = c;
        const std::size_t expected = at < size && !is_allowed(c) ? at : size;
        ASSERT_EQ(skip(text.get(), text.get() + size) - text.get(),
                  static_cast<std::ptrdiff_t>(expected))
            << "byte " << byte << " at " << at << " of " << size;
      }
    }
  }
}

TEST(ByteScan, Value) {
  check(skip_value, ascii::is_value_byte, 'v');
  check(skip_value, ascii::is_value_byte, '\xff');
}

TEST(ByteScan, Target) {
  check(skip_target, ascii::is_target_byte, '/');
}

TEST(ByteScan, Token) {
  check(skip_token, ascii::is_token_byte, 'N');
  check(skip_token, ascii::is_token_byte, '_');  // a token byte off the fast path
}

using IsAll = bool (*)(std::string_view);

void check_all(IsAll is_all, IsAllowed is_allowed, char filler) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const auto text = std::make_unique<char[]>(size);
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::fill_n(text.get(), size, filler);
        const char c = text[at] = static_cast<char>(byte);
        ASSERT_EQ(is_all({text.get(), size}), is_allowed(c))
            << "byte " << byte << " at " << at << " of " << size;
      }
    }
  }
}

bool is_lower_case_token_byte(char c) {
  return ascii::is_token_byte(c) && (c < 'A' || c > 'Z');
}

TEST(ByteScan, WholeValue) {
  check_all(is_value, ascii::is_value_byte, 'v');
  check_all(is_value, ascii::is_value_byte, '\xff');
  EXPECT_TRUE(is_value(""));
}

TEST(ByteScan, WholeNameInLowerCase) {
  check_all(is_lower_case_token, is_lower_case_token_byte, 'n');
  check_all(is_lower_case_token, is_lower_case_token_byte, '_');
  EXPECT_FALSE(is_lower_case_token(""));
}

}  // namespace
}  // namespace onehop::h1
