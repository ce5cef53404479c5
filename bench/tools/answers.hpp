// SPDX-License-Identifier: Apache-2.0
//
// Shared by the load generators: reads HTTP/1.1 response heads, counts outcomes and prints the
// result. Each run has one Tally and calls print_result() at the end.
// Thread: owner.
#pragma once

#include "histogram.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <strings.h>

namespace bench {

struct Tally {
  std::uint64_t done = 0;
  std::uint64_t bytes = 0;
  std::uint64_t wrong = 0;   // responses with another status, length or content
  std::uint64_t failed = 0;  // connections refused, reset or closed early
  std::string first_error;
  Histogram latency;

  void error(std::uint64_t& counter, std::string what) {
    if (first_error.empty()) first_error = std::move(what);
    ++counter;
  }
};

inline std::string reason(std::string_view what) {
  return std::string(what) + ": " + std::strerror(errno);
}

// Returns the status code, or 0 if there is no status line.
inline int status_of(const std::string& head) {
  return head.size() > 12 ? std::atoi(head.c_str() + 9) : 0;
}

inline std::optional<std::uint64_t> content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    if (head.size() - at < kName.size()) break;
    if (strncasecmp(head.data() + at, kName.data(), kName.size()) != 0) continue;
    std::string_view value = head.substr(at + kName.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::uint64_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    return length;
  }
  return std::nullopt;
}

inline void print_result(const Tally& tally, double seconds, std::uint64_t unfinished) {
  std::printf(
      "{\"done\":%ju,\"bytes\":%ju,\"seconds\":%.6f,\"wrong\":%ju,\"failed\":%ju,"
      "\"unfinished\":%ju,\"p50_us\":%.1f,\"p99_us\":%.1f,\"first_error\":\"%s\"}\n",
      std::uintmax_t{tally.done}, std::uintmax_t{tally.bytes}, seconds, std::uintmax_t{tally.wrong},
      std::uintmax_t{tally.failed}, std::uintmax_t{unfinished}, tally.latency.quantile(0.5) / 1e3,
      tally.latency.quantile(0.99) / 1e3, tally.first_error.c_str());
}

}  // namespace bench
