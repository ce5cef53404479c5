// SPDX-License-Identifier: Apache-2.0
//
// read_small_file() reads the whole content of a file named by a setting, such as a certificate or
// key. The path may name any kind of file, so neither opening nor reading it blocks, and the size
// is bounded.
// Thread: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

namespace onehop::net {

inline constexpr std::size_t kMaxInSmallFile = std::size_t{1024} * 1024;

enum class FileKinds : std::uint8_t {
  regular,          // for callers that must not block: an event loop, a reload
  regular_or_pipe,  // at start-up, as in `--tls <(...)`: waits for the writer
};

// The error is a text to append to the file's name and ": ". The writer of a pipe must close it
// within `pipe_patience`.
std::expected<std::string, std::string> read_small_file(
    const std::string& path,
    FileKinds kinds,
    std::chrono::milliseconds pipe_patience = std::chrono::seconds(10));

}  // namespace onehop::net
