// SPDX-License-Identifier: Apache-2.0
//
// The exit codes of the commands, and writing to standard output.
// Thread: owner.
#pragma once

#include <cstdio>
#include <string_view>

namespace onehop::program {

inline constexpr int kRunTimeFailure = 1;
inline constexpr int kUsageFailure = 2;

// Prints `text`. Returns the exit code: 0, or kRunTimeFailure if not everything could be written.
inline int print(std::string_view text) {
  const bool is_written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return is_written ? 0 : kRunTimeFailure;
}

}  // namespace onehop::program
