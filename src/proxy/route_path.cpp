// SPDX-License-Identifier: Apache-2.0

#include "proxy/route_path.hpp"

#include "base/ascii.hpp"
#include "http/query.hpp"
#include "http/url_syntax.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

std::unexpected<Error> bad_path(std::string_view text, std::string_view why) {
  return failure(Errc::bad_option, Side::local,
                 "\"" + std::string(text) + "\" " + std::string(why));
}

// Checks the rules that the path of a route and a prefix share.
Result<void> check_written_path(std::string_view text) {
  if (!text.starts_with('/')) return bad_path(text, "does not begin with a slash");
  if (text.size() > kMaxRoutePath) return bad_path(text.substr(0, 32), "... is too long");
  if (text.find_first_of("?#") != std::string_view::npos) {
    return bad_path(text, "has a '?' or '#': write the path only");
  }
  if (const Result<void> valid = check_configured_target(text); !valid) return valid;
  if (is_ambiguous_path(text)) {
    return bad_path(text, "has an empty segment, a dot segment, a backslash, or an escape of one");
  }
  return {};
}

// Returns the value of the escape at `at`, or -1 if there is none.
int escape_at(std::string_view text, std::size_t at) noexcept {
  if (text[at] != '%' || text.size() - at < 3) return -1;
  const int high = ascii::hex_value(text[at + 1]);
  const int low = ascii::hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : 16 * high + low;
}

bool begins_parameters(std::string_view text, std::size_t at) noexcept {
  return text[at] == ';' || escape_at(text, at) == ';';
}

// Reports whether the first segment of `path`, without its parameters, is a dot segment, or is
// empty and not the last.
bool is_odd_segment(std::string_view path) noexcept {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  std::string_view name = path.substr(1, end - 1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (begins_parameters(name, i)) name = name.substr(0, i);
  }
  return name == "." || name == ".." || (name.empty() && end < path.size());
}

// The bytes with which an ambiguity can begin.
constexpr std::array<bool, 256> kMarks = [] {
  std::array<bool, 256> marks{};
  for (const char mark : {'/', '\\', '%'})
    marks[static_cast<unsigned char>(mark)] = true;
  return marks;
}();

// Returns the rank of a byte in comes_before(). A slash comes before all other bytes.
int rank(char c) noexcept {
  return c == '/' ? -1 : static_cast<int>(static_cast<unsigned char>(c));
}

}  // namespace

Result<PathPattern> parse_path_pattern(std::string_view text) {
  PathPattern pattern;
  std::string_view path = text;
  if (path.ends_with("/*")) {
    pattern.below = true;
    path.remove_suffix(2);
  }
  if (path.find('*') != std::string_view::npos) {
    return bad_path(text, "may have '*' only at its end, after a slash: write \"/api/*\"");
  }
  if (pattern.below && path.empty()) return pattern;
  if (const Result<void> valid = check_written_path(path); !valid) return failure(valid.error());
  if (pattern.below && path.ends_with('/')) return bad_path(text, "has an empty segment");
  if (has_parameters(path)) return bad_path(text, "has a ';': routes ignore parameters");
  pattern.text = percent_decoded(path);
  return pattern;
}

Result<void> check_prefix(std::string_view text) {
  if (text.find('*') != std::string_view::npos) {
    return bad_path(text, "is a pattern: write it without '*', \"/api\"");
  }
  if (const Result<void> valid = check_written_path(text); !valid) return valid;
  if (text.ends_with('/')) return bad_path(text, "ends with a slash: write \"/api\"");
  return {};
}

bool is_ambiguous_path(std::string_view path) noexcept {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (!kMarks[static_cast<unsigned char>(c)]) continue;
    if (c == '\\') return true;
    if (c == '/' && i + 1 < path.size()) {
      const char next = path[i + 1];
      if (next == '/') return true;
      if ((next == '.' || next == ';' || next == '%') && is_odd_segment(path.substr(i)))
        return true;
    }
    if (c == '%') {
      const int value = escape_at(path, i);
      if (value == '.' || value == '/' || value == '\\' || value == 0) return true;
    }
  }
  return false;
}

bool has_parameters(std::string_view path) noexcept {
  if (path.find(';') != std::string_view::npos) return true;
  for (std::size_t i = path.find('%'); i < path.size(); i = path.find('%', i + 1)) {
    if (begins_parameters(path, i)) return true;
  }
  return false;
}

bool leads_away(std::string_view path) noexcept {
  return path.starts_with("//") || path.starts_with("/\\");
}

bool is_below(std::string_view path, std::string_view prefix) noexcept {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool comes_before(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = std::min(a.size(), b.size());
  const auto [x, y] =
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(size), b.begin());
  if (x == a.begin() + static_cast<std::ptrdiff_t>(size)) return a.size() < b.size();
  return rank(*x) < rank(*y);
}

PathStart::PathStart(std::string_view path, std::size_t limit, Parameters parameters) noexcept {
  const bool drops = parameters == Parameters::drop;
  limit = std::min(limit, room_.size());
  if (path.find('%') == std::string_view::npos && !drops) {
    text_ = path.substr(0, limit);
    return;
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < path.size() && size < limit; ++i) {
    if (drops && begins_parameters(path, i)) i = std::min(path.find('/', i), path.size());
    if (i == path.size()) break;
    const int value = escape_at(path, i);
    if (value >= 0) i += 2;
    room_[size++] = value >= 0 ? static_cast<char>(value) : path[i];
  }
  text_ = std::string_view(room_.data(), size);
}

std::string_view without_start(std::string_view path, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count > 0 && at < path.size(); --count)
    at += escape_at(path, at) >= 0 ? 3 : 1;
  return path.substr(at);
}

}  // namespace onehop
