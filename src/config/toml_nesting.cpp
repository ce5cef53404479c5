// SPDX-License-Identifier: Apache-2.0
#include "config/toml_nesting.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace onehop::config {
namespace {

// Even within the 256 brackets that the parser allows, this many dots use little of the stack.
constexpr std::size_t kMaxDots = 16;

class Scanner {
 public:
  Scanner(std::string_view text, const SourceLines& lines) : text_(text), lines_(lines) {}

  std::optional<TomlMistake> find() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_quotes(c);
      } else if (c == '#') {
        at_ = std::min(text_.find_first_of("\n\v\f\r", at_), text_.size());
      } else {
        ++at_;
        if (std::string_view("=,[]{}\n").contains(c)) begin_key();
        if (c == '\n') begin_line();
        if (c == '.' && ++dots_ > kMaxDots) return mistake();
      }
    }
    return std::nullopt;
  }

 private:
  void begin_key() {
    dots_ = 0;
    key_ = at_;
  }

  void begin_line() {
    ++line_;
    line_begin_ = at_;
  }

  // Skips a text in quotes. One that is not closed ends with its line, as in the parser.
  void skip_quotes(char quote) {
    const bool is_triple =
        at_ + 2 < text_.size() && text_[at_ + 1] == quote && text_[at_ + 2] == quote;
    at_ += is_triple ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n' && !is_triple) return;
      if (c == '\\' && quote == '"' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        ++at_;
      } else if (c == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      } else if (c == quote &&
                 (!is_triple || text_.substr(at_ + 1).starts_with(std::string(2, c)))) {
        return skip_end(quote, is_triple);
      }
    }
  }

  // Skips the closing quotes. Up to two quotes before the last three are part of the text.
  void skip_end(char quote, bool is_triple) {
    at_ += is_triple ? 3 : 1;
    for (int more = 0; is_triple && more < 2 && at_ < text_.size() && text_[at_] == quote; ++more)
      ++at_;
  }

  TomlMistake mistake() const {
    const std::size_t begin = std::max(text_.find_first_not_of(" \t", key_), line_begin_);
    return {lines_.region(line_, begin - line_begin_, at_ - line_begin_),
            "this key is nested too deeply",
            "settings are at the top of the file, without a table"};
  }

  const std::string_view text_;
  const SourceLines& lines_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::size_t key_ = 0;
  std::size_t dots_ = 0;
};

}  // namespace

std::optional<TomlMistake> find_deep_key(std::string_view text, const SourceLines& lines) {
  return Scanner(text, lines).find();
}

}  // namespace onehop::config
