// SPDX-License-Identifier: Apache-2.0
//
// Parses the paths of routes, and converts the paths of requests to the form that routes compare:
// without escapes, by whole segments.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace onehop {

// The maximum size of the path of a route, and of a prefix.
inline constexpr std::size_t kMaxRoutePath = 1024;

// PathPattern is the path of a route: "/a/*" is "/a" with `below`, "/*" is "" with `below`.
struct PathPattern {
  std::string text;  // without escapes and "/*"
  bool below = false;

  bool is_any() const noexcept { return below && text.empty(); }
  friend bool operator==(const PathPattern&, const PathPattern&) = default;
};

// Parses the path of a route. Errors: bad_option; its detail says what is wrong and what to write.
Result<PathPattern> parse_path_pattern(std::string_view text);

// Checks a prefix to remove or to add: "/api", "/api/v2".
Result<void> check_prefix(std::string_view text);

// Reports whether a backend could read this path as another one: it has an empty segment, a dot
// segment (also one with parameters, "/..;a/"), a backslash, or an escaped dot, slash, backslash or
// NUL.
bool is_ambiguous_path(std::string_view path) noexcept;

// Reports whether a segment has parameters ("/a;b=c"): the text after a ';', plain or escaped. Some
// backends remove them.
bool has_parameters(std::string_view path) noexcept;

// Reports whether browsers read this path as a URL of another host: "//host", "/\\host".
bool leads_away(std::string_view path) noexcept;

// Reports whether `path` is `prefix` or below it. Every path is below "".
bool is_below(std::string_view path, std::string_view prefix) noexcept;

// Orders the paths of a table. The paths below a path come directly after it.
bool comes_before(std::string_view a, std::string_view b) noexcept;

// PathStart is the beginning of a path, without escapes.
class PathStart {
 public:
  enum class Parameters : std::uint8_t { keep, drop };

  // Holds the first `limit` bytes, at most kMaxRoutePath + 1. `path` must outlive this object.
  PathStart(std::string_view path,
            std::size_t limit,
            Parameters parameters = Parameters::keep) noexcept;
  PathStart(const PathStart&) = delete;
  PathStart& operator=(const PathStart&) = delete;
  ~PathStart() = default;

  std::string_view text() const noexcept { return text_; }

 private:
  std::array<char, kMaxRoutePath + 1> room_;
  std::string_view text_;
};

// Returns the part of `path` after its first `count` bytes, where an escape counts as one byte.
std::string_view without_start(std::string_view path, std::size_t count) noexcept;

}  // namespace onehop
