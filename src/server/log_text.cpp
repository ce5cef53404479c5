// SPDX-License-Identifier: Apache-2.0
#include "server/log_text.hpp"

#include "base/hexadecimal.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace onehop::server {
namespace {

// Appends each run of characters that need no escape in one step.
template <class Predicate>
void append_with_escapes(std::string& line, std::string_view text, Predicate needs_escape) {
  while (!text.empty()) {
    const auto special = std::ranges::find_if(text, needs_escape);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    line += text.substr(0, plain);
    if (special == text.end()) return;
    line += "\\x";
    append_hexadecimal(line, static_cast<unsigned char>(*special));
    text.remove_prefix(plain + 1);
  }
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

consteval std::array<bool, 256> make_bare_characters() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-._~:/[]@%+"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}

// A table, since the access log calls this for every request.
bool needs_no_quotes(char c) {
  static constexpr std::array<bool, 256> kTable = make_bare_characters();
  return kTable[static_cast<unsigned char>(c)];
}

}  // namespace

void append_escaped(std::string& line, std::string_view text) {
  append_with_escapes(line, text, [](char c) {
    return is_control(c) || static_cast<unsigned char>(c) > 0x7e || c == '"' || c == '\\';
  });
}

void append_log_value(std::string& line, std::string_view text) {
  if (text.empty()) {
    line += '-';
  } else if (text != "-" && std::ranges::all_of(text, needs_no_quotes)) {
    line += text;
  } else {
    line += '"';
    append_escaped(line, text);
    line += '"';
  }
}

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

void append_log_line(std::string& line, LogLevel level, std::string_view text, WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const auto fraction = std::chrono::duration_cast<std::chrono::milliseconds>(now - second);
  const std::time_t at = std::chrono::system_clock::to_time_t(second);
  std::tm fields{};
  ::gmtime_r(&at, &fields);
  std::array<char, 48> time{};
  const std::size_t size = std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%S", &fields);
  std::array<char, 16> rest{};
  std::snprintf(rest.data(), rest.size(), ".%03dZ ", static_cast<int>(fraction.count()));
  line.append(time.data(), size).append(rest.data());
  line.append(to_string(level)).append(" ");
  append_with_escapes(line, text, is_control);
  line += '\n';
}

}  // namespace onehop::server
