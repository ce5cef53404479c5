// SPDX-License-Identifier: Apache-2.0

#include "http/query.hpp"

#include "base/ascii.hpp"
#include "base/hexadecimal.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

namespace onehop {
namespace {

constexpr std::size_t kMaxParameters = 10'000;

bool is_escape_at(std::string_view text, std::size_t at) noexcept {
  return text.size() - at >= 3 && ascii::hex_value(text[at + 1]) >= 0 &&
         ascii::hex_value(text[at + 2]) >= 0;
}

bool is_doubtful(std::string_view text) noexcept {
  return text.find(';') != std::string_view::npos || !has_valid_escapes(text);
}

// Sorted by key. Parameters with the same key keep their order.
using Parameters = std::multimap<std::string, std::string>;

Parameters parameters_of(std::string_view query) {
  Parameters parameters;
  std::size_t seen = 0;
  while (!query.empty() && seen < kMaxParameters) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view text = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (text.empty()) continue;
    ++seen;
    if (is_doubtful(text)) continue;
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string_view value = text.substr(std::min(equals + 1, text.size()));
    parameters.emplace(form_decoded(text.substr(0, equals)), form_decoded(value));
  }
  return parameters;
}

}  // namespace

bool has_valid_escapes(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (!is_escape_at(text, at)) return false;
  }
  return true;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || !is_escape_at(text, i)) {
      out += text[i];
      continue;
    }
    const int byte = ascii::hex_value(text[i + 1]) * 16 + ascii::hex_value(text[i + 2]);
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::string form_decoded(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decoded(spaced);
}

void append_form_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool unreserved =
        ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      append_hexadecimal(out, static_cast<unsigned char>(c), kUpperHex);
    }
  }
}

bool needs_cleaning(std::string_view query) noexcept {
  const auto separators = std::count(query.begin(), query.end(), '&');
  return is_doubtful(query) || static_cast<std::uint64_t>(separators) >= kMaxParameters;
}

std::string cleaned_query(std::string_view query) {
  std::string clean;
  for (const auto& [key, value] : parameters_of(query)) {
    if (!clean.empty()) clean += '&';
    append_form_escaped(clean, key);
    clean += '=';
    append_form_escaped(clean, value);
  }
  return clean;
}

}  // namespace onehop
