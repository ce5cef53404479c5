// SPDX-License-Identifier: Apache-2.0
#include "config/toml_syntax.hpp"

#include "config/plain_text.hpp"
#include "config/pointed_out.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace onehop::config {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kBareKey =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// The quotes that word processors write, in UTF-8.
constexpr std::string_view kTypographic[] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e",
                                             "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9a"};

// A part of a line, in bytes.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::string_view in(std::string_view line, TextRange part) {
  return line.substr(part.begin, part.end - part.begin);
}

TextRange without_blanks(std::string_view line, TextRange part) {
  while (part.begin < part.end && kBlanks.contains(line[part.begin]))
    ++part.begin;
  while (part.end > part.begin && kBlanks.contains(line[part.end - 1]))
    --part.end;
  return part;
}

// Returns the end of the line without its comment, which begins with a '#' outside of quotes.
std::size_t end_of_content(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return i;
    }
  }
  return line.size();
}

// Returns the text as a TOML string, in single quotes if that avoids escapes.
std::string quoted(std::string_view text) {
  const bool is_plain = text.find_first_of("\"\\") == std::string_view::npos;
  const char quote = is_plain || text.contains('\'') ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    if (quote == '"' && (c == '"' || c == '\\')) result += '\\';
    result += c;
  }
  return result + quote;
}

std::string replaced(std::string_view line, TextRange part, std::string_view by) {
  std::string result(line.substr(0, part.begin));
  result += by;
  result += line.substr(part.end);
  return result;
}

std::string write(std::string_view line) {
  const TextRange whole = without_blanks(line, {0, end_of_content(line)});
  return "write " + std::string(in(line, whole));
}

// One line with a mistake; explain() describes the mistake.
class Line {
 public:
  Line(const SourceLines& lines, const SyntaxError& error)
      : lines_(lines),
        error_(error),
        text_(lines.line(error.line)),
        at_(lines.between(error.line, error.column, error.line, error.column).begin),
        content_(without_blanks(text_, {0, end_of_content(text_)})) {
    const std::string_view content = in(text_, content_);
    if (content.starts_with('[')) return;
    const auto equals = text_.find('=', content_.begin);
    if (equals == std::string_view::npos || equals >= content_.end) return;
    key_ = without_blanks(text_, {content_.begin, equals});
    value_ = without_blanks(text_, {equals + 1, content_.end});
    has_equals_ = in(text_, key_).find_first_of("\"'[{,") == std::string_view::npos;
  }

  TomlMistake explain() const {
    if (says("cannot redefine")) return set_twice();
    if (says("utf-8"))
      return pointed({at_, at_ + 1}, "this is not UTF-8", "save the file as UTF-8");
    if (says("bare key starting") && in(text_, content_).starts_with('[')) {
      return pointed({at_, at_ + 1}, "the name of the table is missing",
                     "settings are at the top of the file, without a table");
    }
    if (says("expected '='") || says("expected keys")) return without_equals();
    if (!has_equals_ && says("key-value pair")) return without_equals();  // the file ends here
    if (has_equals_ && value_.begin >= value_.end) return without_value();
    if (says("leading zero")) return leading_zeros();
    if (says("representable")) return pointed(token_at_error(), "this number is too large");
    if (says("escape sequence")) return unknown_escape();
    if (says("expected comma")) return without_comma();
    return about_value();
  }

 private:
  bool says(std::string_view words) const { return error_.description.contains(words); }

  TomlMistake pointed(TextRange part, std::string message, std::string hint = {}) const {
    part.end = std::max(part.end, part.begin);
    Region region = lines_.region(error_.line, part.begin, part.end);
    region.size = std::max<std::size_t>(region.size, 1);
    return {region, std::move(message), std::move(hint)};
  }

  TomlMistake fallback(std::string_view message = {}, std::string hint = {}) const {
    constexpr std::string_view kPrefix = "Error while parsing ";
    std::string_view text = error_.description;
    if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
    return pointed({at_, at_ + 1}, std::string(message.empty() ? text : message), std::move(hint));
  }

  TomlMistake set_twice() const {
    const TextRange key = has_equals_ ? key_ : content_;
    const std::string name(in(text_, key));
    for (std::size_t number = 1; number < error_.line; ++number) {
      const std::string_view earlier = lines_.line(number);
      const TextRange other =
          without_blanks(earlier, {0, std::min(earlier.find('='), earlier.size())});
      if (in(earlier, other) != name) continue;
      return pointed(key, in_quotes(name) + " is set twice",
                     "it is in line " + std::to_string(number) + " as well");
    }
    return pointed(key, in_quotes(name) + " is set twice");
  }

  TomlMistake without_equals() const {
    const std::string_view content = in(text_, content_);
    if (content.starts_with('=')) return pointed(content_, "the key is missing before the =");
    const auto end = std::min(content.find_first_not_of(kBareKey), content.size());
    const TextRange key{content_.begin, content_.begin + end};
    const auto next = text_.find_first_not_of(kBlanks, key.end);
    if (next != std::string_view::npos && next < content_.end && text_[next] == ':') {
      const TextRange rest = without_blanks(text_, {next + 1, content_.end});
      return pointed(
          {next, next + 1}, "a key and its value have a = between them",
          "write " + std::string(in(text_, key)) + " = " + as_value(std::string(in(text_, rest))));
    }
    if (has_equals_ && key_.end > key_.begin) {
      std::string joined(in(text_, key_));
      std::ranges::replace_if(joined, [](char c) { return kBlanks.contains(c); }, '-');
      if (joined.find_first_not_of(kBareKey) == std::string::npos) {
        return pointed(key_, "a key has no blanks", "did you mean " + joined + "?");
      }
      return pointed(key_, "a key has letters, digits and - only");
    }
    return pointed(content_, "a line is KEY = VALUE");
  }

  // Converts a value in the syntax of another program's files to TOML.
  static std::string as_value(const std::string& text) {
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    const bool is_value =
        is_number || text == "true" || text == "false" || text.find_first_of("\"'[{") == 0;
    return text.empty() ? "\"...\"" : is_value ? text : quoted(text);
  }

  TomlMistake without_value() const {
    return pointed({value_.begin, value_.begin + 1}, "the value is missing",
                   "write " + std::string(in(text_, key_)) + " = \"...\"");
  }

  TomlMistake leading_zeros() const {
    const TextRange token = token_at_error();
    const std::string_view text = in(text_, token);
    if (text.find_first_not_of("0123456789") != std::string_view::npos) return needs_quotes(token);
    const auto first = std::min(text.find_first_not_of('0'), text.size() - 1);
    return pointed(token, "a number has no leading zeros",
                   write(replaced(text_, token, text.substr(first))));
  }

  TomlMistake unknown_escape() const {
    const TextRange token = token_at_error();
    return fallback("a backslash in double quotes begins an escape",
                    in(text_, token).contains('\'')
                        ? "write \\\\ for a backslash"
                        : "use single quotes, in which a backslash is literal");
  }

  TomlMistake without_comma() const {
    if (at_ >= content_.end) return pointed({at_, at_ + 1}, "the closing ] is missing");
    return pointed({at_, at_ + 1}, "a comma is missing between two values");
  }

  TomlMistake about_value() const {
    const TextRange token = token_at_error();
    const std::string_view text = in(text_, token);
    if (text.empty() || (!has_equals_ && in(text_, content_).starts_with('['))) return fallback();
    for (const std::string_view quote : kTypographic) {
      if (text.starts_with(quote)) return typographic_quotes(token);
    }
    const char first = text.front();
    if (first == '"' || first == '\'') return about_quotes(token);
    if (first == '[' || first == '{') return fallback();
    if (has_equals_ && text.contains('=') && says("comment or whitespace")) {
      return fallback("a line has one setting", "write each on a line of its own");
    }
    const std::string small = lower(text);
    if (small != text && (small == "true" || small == "false")) {
      return pointed(token, "true and false are in lower case",
                     write(replaced(text_, token, small)));
    }
    return needs_quotes(token);
  }

  TomlMistake needs_quotes(TextRange token) const {
    return pointed(token, "texts need quotes",
                   write(replaced(text_, token, quoted(in(text_, token)))));
  }

  TomlMistake typographic_quotes(TextRange token) const {
    std::string straight(in(text_, token));
    for (const std::string_view quote : kTypographic) {
      for (auto at = straight.find(quote); at != straight.npos; at = straight.find(quote))
        straight.erase(at, quote.size());
    }
    return pointed(token, "TOML does not accept typographic quotes",
                   write(replaced(text_, token, quoted(straight))));
  }

  TomlMistake about_quotes(TextRange token) const {
    const std::string_view text = in(text_, token);
    const char quote = text.front();
    if (text.starts_with(std::string(3, quote))) return fallback("the closing quotes are missing");
    std::size_t end = 1;
    while (end < text.size() && text[end] != quote)
      end += text[end] == '\\' && quote == '"' ? 2 : 1;
    if (end >= text.size()) {
      return pointed(token, "the closing quote is missing",
                     write(std::string(text_.substr(0, token.end)) + quote));
    }
    const auto rest = text_.find_first_not_of(kBlanks, token.begin + end + 1);
    if (rest == std::string_view::npos || rest >= content_.end) return fallback();
    return pointed({rest, content_.end}, "there is something after the value",
                   "a line has one value; several are a list: [\"a\", \"b\"]");
  }

  // Returns the value, or the element of a list, in which the parser has stopped.
  TextRange token_at_error() const {
    const bool is_list = !has_equals_ || text_.substr(value_.begin).starts_with('[');
    TextRange token = has_equals_ ? value_ : content_;
    if (!is_list) return token;
    const std::size_t at = std::clamp(at_, token.begin, token.end);
    const auto before = text_.substr(0, at).find_last_of(",[");
    if (before != std::string_view::npos && before >= token.begin) token.begin = before + 1;
    token.end = std::min(text_.find_first_of(",]", std::max(at, token.begin)), content_.end);
    return without_blanks(text_, token);
  }

  const SourceLines& lines_;
  const SyntaxError& error_;
  std::string_view text_;
  std::size_t at_;     // where the parser has stopped, in bytes
  TextRange content_;  // the line without blanks and a comment
  TextRange key_ = {};
  TextRange value_ = {};
  bool has_equals_ = false;
};

// Updates `open` with the brackets and triple quotes that a line opens and closes.
void add_openings(std::string_view line, std::size_t number, std::vector<Opening>& open) {
  std::string quote;  // the quotes around this byte
  if (!open.empty() && open.back().bracket.size() == 3) quote = open.back().bracket;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (!quote.empty()) {
      if (c == '\\' && quote.front() == '"') {
        ++i;
      } else if (line.substr(i).starts_with(quote)) {
        if (quote.size() == 3) open.pop_back();
        i += quote.size() - 1;
        quote.clear();
      }
    } else if (c == '#') {
      break;
    } else if (c == '"' || c == '\'') {
      const bool is_triple = line.substr(i).starts_with(std::string(3, c));
      quote = std::string(is_triple ? 3 : 1, c);
      if (is_triple) open.push_back({number, i, quote});
      i += quote.size() - 1;
    } else if (c == '[' || c == '{') {
      open.push_back({number, i, std::string(1, c)});
    } else if ((c == ']' || c == '}') && !open.empty()) {
      open.pop_back();
    }
  }
}

}  // namespace

TomlMistake explain_syntax(const SourceLines& lines, const SyntaxError& error) {
  return Line(lines, error).explain();
}

bool begins_setting(std::string_view line) {
  const TextRange key = without_blanks(line, {0, std::min(line.find('='), line.size())});
  return key.end > key.begin && key.end < line.size() &&
         in(line, key).find_first_not_of(kBareKey) == std::string_view::npos;
}

Opening find_opening(const SourceLines& lines,
                     std::size_t last,
                     const std::vector<std::size_t>& ignored) {
  std::vector<Opening> open;
  for (std::size_t number = 1; number <= last; ++number) {
    if (std::ranges::find(ignored, number) != ignored.end()) continue;
    add_openings(lines.line(number), number, open);
  }
  return open.empty() ? Opening{} : open.front();
}

TomlMistake not_closed(const SourceLines& lines, const Opening& opening) {
  const std::size_t end = opening.begin + opening.bracket.size();
  const std::string close = opening.bracket == "["   ? "]"
                            : opening.bracket == "{" ? "}"
                                                     : opening.bracket;
  return {lines.region(opening.line, opening.begin, end),
          "this " + opening.bracket + " is not closed",
          "add the " + close + " after the last value"};
}

}  // namespace onehop::config
