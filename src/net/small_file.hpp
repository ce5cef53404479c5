// SPDX-License-Identifier: Apache-2.0
//
// read_small_file(): the whole content of a file that a setting names: a certificate, a key. What
// stands there may be anything, so neither opening nor reading waits, and the size is bounded. Any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

namespace onehop::net {

inline constexpr std::size_t kMaxInSmallFile = std::size_t{1024} * 1024;

enum class FileKinds : std::uint8_t {
  regular,          // while others wait: an event loop, a reload
  regular_or_pipe,  // at the start, as in `--tls <(...)`: waits for the writer
};

// The error is what is wrong, in words that follow the name of the file and ": ". A pipe has to end
// within `pipe_patience`.
std::expected<std::string, std::string> read_small_file(
    const std::string& path,
    FileKinds kinds,
    std::chrono::milliseconds pipe_patience = std::chrono::seconds(10));

}  // namespace onehop::net
