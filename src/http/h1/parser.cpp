// SPDX-License-Identifier: Apache-2.0

#include "http/h1/parser.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/h1/byte_scan.hpp"
#include "http/header_lines.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace onehop::h1 {
namespace {

// RFC 9112 §2.2 asks servers to ignore at least one. Some old clients send one after every POST.
constexpr unsigned kMaxEmptyLines = 4;
// The cost of a field beyond the bytes of its line: name + ": " + value + 30 is name + value + 32.
constexpr std::size_t kLineCost = 30;
constexpr std::size_t kShortestLine = 2;
constexpr std::ptrdiff_t kMaxName = std::numeric_limits<std::uint16_t>::max();

// Returns how many leading bytes of `text` match `pattern`, in which '0' stands for any digit.
std::size_t matching_prefix(std::string_view text, std::string_view pattern) noexcept {
  const std::size_t size = std::min(text.size(), pattern.size());
  for (std::size_t i = 0; i < size; ++i) {
    const bool fits = pattern[i] == '0' ? ascii::is_digit(text[i]) : text[i] == pattern[i];
    if (!fits) return i;
  }
  return size;
}

const char* why_no_value_byte(char c) noexcept {
  switch (c) {
    case '\n':
      return "a line ends in LF without CR";
    case '\0':
      return "NUL in a field value";
    default:
      return "a control character in a field value";
  }
}

// Names the protocol of a server that does not begin with a status line. HTTP/2 begins with
// SETTINGS or GOAWAY on stream 0 (RFC 9113 §4.1); TLS sends an alert (RFC 8446 §5.1).
const char* other_protocol(std::string_view begin) noexcept {
  constexpr std::size_t kFrameHead = 9;
  constexpr std::string_view kStreamZero("\0\0\0\0", 4);
  if (begin.size() >= kFrameHead && begin[0] == '\0' && (begin[3] == 4 || begin[3] == 7) &&
      begin.substr(5, 4) == kStreamZero) {
    return "an HTTP/2 frame, not an HTTP status line: the server speaks HTTP/2 only, write h2c://";
  }
  if (begin.starts_with("\x15\x03")) {
    return "a TLS alert, not an HTTP status line: the server speaks TLS, write https://";
  }
  return "not an HTTP status line";
}

}  // namespace

void HeadParser::reset() noexcept {
  phase_ = Phase::start;
  begun_ = false;
  position_ = head_at_ = line_at_ = colon_at_ = text_at_ = text_size_ = fields_size_ = 0;
  empty_lines_ = 0;
  marks_.clear();
  target_ = {};
  reason_ = {};
  error_.reset();
}

HeadParser::State HeadParser::parse(std::string_view input) {
  while (phase_ < Phase::complete && step(input) == Step::next) {
  }
  if (phase_ < Phase::complete) return State::incomplete;
  return phase_ == Phase::complete ? State::complete : State::failed;
}

HeadParser::Step HeadParser::step(std::string_view input) {
  switch (phase_) {
    case Phase::start:
      return read_start(input);
    case Phase::method:
      return read_method(input);
    case Phase::target:
      return read_target(input);
    case Phase::version:
      return read_request_version(input);
    case Phase::status:
      return read_status(input);
    case Phase::reason:
      return read_reason(input);
    case Phase::line:
      return read_lines(input);
    case Phase::name:
      return read_name(input);
    case Phase::value:
      return read_value(input);
    case Phase::complete:
    case Phase::failed:
      break;
  }
  return Step::wait;
}

HeadParser::Step HeadParser::go_on_with(Phase phase) noexcept {
  phase_ = phase;
  return Step::next;
}

HeadParser::Step HeadParser::fail(Errc code, std::string detail) {
  const Side side = kind_ == HeadKind::response ? Side::upstream : Side::client;
  error_.emplace(code, side, std::move(detail));
  return go_on_with(Phase::failed);
}

HeadParser::Step HeadParser::malformed(const char* detail) {
  return fail(kind_ == HeadKind::response ? Errc::bad_response : Errc::bad_request, detail);
}

HeadParser::Step HeadParser::start_line_too_long() {
  if (kind_ == HeadKind::response) {
    return fail(Errc::response_head_too_large, "the status line is too long");
  }
  return fail(Errc::request_line_too_long, "the request line is too long");
}

HeadParser::Step HeadParser::head_too_large(const char* detail) {
  const bool response = kind_ == HeadKind::response;
  return fail(response ? Errc::response_head_too_large : Errc::head_too_large, detail);
}

HeadParser::Step HeadParser::read_start(std::string_view input) {
  if (kind_ == HeadKind::trailers) return go_on_with(Phase::line);
  if (position_ == input.size()) return Step::wait;
  if (kind_ == HeadKind::request && input[position_] == '\r') {
    if (position_ + 1 == input.size()) return Step::wait;
    if (input[position_ + 1] != '\n') return malformed("CR without LF before the request line");
    if (++empty_lines_ > kMaxEmptyLines) return malformed("empty lines before the request line");
    position_ += 2;
    return Step::next;
  }
  begun_ = true;
  head_at_ = line_at_ = position_;
  return go_on_with(kind_ == HeadKind::request ? Phase::method : Phase::status);
}

// Reads at most one byte more than the longest method has, so that input that cannot become a
// request fails early.
HeadParser::Step HeadParser::read_method(std::string_view input) {
  const std::size_t too_long = line_at_ + Method::kMaxSize + 1;
  const char* const base = input.data();
  const char* const limit = base + std::min(input.size(), too_long);
  position_ = static_cast<std::size_t>(skip_token(base + position_, limit) - base);
  if (position_ == too_long) return fail(Errc::unsupported_method, "the method is too long");
  if (position_ == input.size()) return Step::wait;
  if (input[position_] != ' ' || position_ == line_at_) {
    const bool tls = position_ == line_at_ && input[position_] == '\x16';
    return malformed(tls ? "TLS on a port without TLS"
                         : "the request does not begin with a method");
  }
  method_ = *Method::parse(input.substr(line_at_, position_ - line_at_));
  text_at_ = ++position_;
  return go_on_with(Phase::target);
}

HeadParser::Step HeadParser::read_target(std::string_view input) {
  const std::size_t too_long = line_at_ + limits_.max_start_line;
  const char* const base = input.data();
  if (position_ < too_long) {
    const char* const limit = base + std::min(input.size(), too_long);
    position_ = static_cast<std::size_t>(skip_target(base + position_, limit) - base);
  }
  if (position_ >= too_long) return start_line_too_long();
  if (position_ == input.size()) return Step::wait;
  if (input[position_] != ' ') return malformed("a byte that is not allowed in a request target");
  if (position_ == text_at_) return malformed("two blanks in the request line");
  text_size_ = position_ - text_at_;
  ++position_;
  return go_on_with(Phase::version);
}

HeadParser::Step HeadParser::read_request_version(std::string_view input) {
  constexpr std::string_view kForm = "HTTP/0.0\r\n";
  const std::string_view rest = input.substr(position_, kForm.size());
  if (rest == "HTTP/1.1\r\n") {  // nearly always
    version_ = Version::http_1_1;
    position_ += kForm.size() - 2;
    return end_start_line(input);
  }
  const std::size_t matched = matching_prefix(rest, kForm);
  if (matched < rest.size()) return malformed("the request line does not end in an HTTP version");
  if (matched < kForm.size()) return Step::wait;
  if (rest[5] != '1') return fail(Errc::unsupported_version, "an HTTP version other than 1.x");
  version_ = rest[7] == '0' ? Version::http_1_0 : Version::http_1_1;
  position_ += kForm.size() - 2;
  return end_start_line(input);
}

// RFC 9112 §4. If the reason phrase is missing, the blank before it may be missing too.
HeadParser::Step HeadParser::read_status(std::string_view input) {
  constexpr std::string_view kForm = "HTTP/0.0 000";
  const std::string_view rest = input.substr(line_at_, kForm.size() + 1);
  const bool as_usual = rest.size() > kForm.size() && rest.starts_with("HTTP/1.1 ") &&
                        ascii::is_digit(rest[9]) && ascii::is_digit(rest[10]) &&
                        ascii::is_digit(rest[11]);
  const std::size_t matched = as_usual ? kForm.size() : matching_prefix(rest, kForm);
  if (matched < std::min(rest.size(), kForm.size())) return malformed(other_protocol(rest));
  if (rest.size() <= kForm.size()) return Step::wait;
  if (rest[5] != '1') return malformed("an HTTP version other than 1.x");
  version_ = rest[7] == '0' ? Version::http_1_0 : Version::http_1_1;
  const int code = (rest[9] - '0') * 100 + (rest[10] - '0') * 10 + (rest[11] - '0');
  if (code < 100 || code > 599) return malformed("a status code outside 100 to 599");
  status_ = Status(code);
  position_ = text_at_ = line_at_ + kForm.size();
  if (rest[12] == '\r') return go_on_with(Phase::reason);
  if (rest[12] != ' ') return malformed("the status code is not followed by a blank");
  text_at_ = ++position_;
  return go_on_with(Phase::reason);
}

HeadParser::Step HeadParser::read_reason(std::string_view input) {
  const std::size_t too_long = line_at_ + limits_.max_start_line + 1;
  const char* const base = input.data();
  if (position_ < too_long) {
    const char* const limit = base + std::min(input.size(), too_long);
    position_ = static_cast<std::size_t>(skip_value(base + position_, limit) - base);
  }
  if (position_ >= too_long) return start_line_too_long();
  if (position_ == input.size()) return Step::wait;
  if (input[position_] != '\r') return malformed("a control character in the reason phrase");
  if (position_ + 1 == input.size()) return Step::wait;
  if (input[position_ + 1] != '\n') return malformed("CR without LF in the status line");
  text_size_ = position_ - text_at_;
  return end_start_line(input);
}

// Called at the CR of a complete CRLF.
HeadParser::Step HeadParser::end_start_line(std::string_view) {
  if (position_ - line_at_ > limits_.max_start_line) return start_line_too_long();
  position_ += 2;
  return go_on_with(Phase::line);
}

// The maximum length of the current field line.
std::size_t HeadParser::line_room() const noexcept {
  return limits_.max_header_bytes - fields_size_ - kLineCost;
}

// Records the line from `line` to `line_end`, its CR.
inline void HeadParser::end_line(const char* base,
                                 const char* line,
                                 const char* colon,
                                 const char* line_end) {
  const char* begin = colon + 1;
  const char* end = line_end;
  while (begin != end && ascii::is_blank(*begin))
    ++begin;
  while (end != begin && ascii::is_blank(end[-1]))
    --end;
  const bool one_space = begin == colon + 2 && begin[-1] == ' ';
  marks_.push_back({.name = static_cast<std::uint32_t>(line - base),
                    .value = static_cast<std::uint32_t>(begin - base),
                    .value_size = static_cast<std::uint32_t>(end - begin),
                    .name_size = static_cast<std::uint16_t>(colon - line),
                    .verbatim = one_space && end == line_end});
  fields_size_ += static_cast<std::size_t>(line_end - line) + kLineCost;
}

// Reads complete and plainly valid lines. Everything else, whether incomplete, at a limit or
// malformed, is read again by the resumable steps below.
HeadParser::Step HeadParser::read_lines(std::string_view input) {
  const char* const base = input.data();
  const char* const end = base + input.size();
  const char* line = base + position_;
  while (marks_.size() < limits_.max_header_fields &&
         limits_.max_header_bytes - fields_size_ >= kLineCost + kShortestLine) {
    if (line != end && *line == '\r') break;  // the empty line
    const char* const colon = skip_token(line, end);
    if (colon == line || colon == end || *colon != ':' || colon - line > kMaxName) break;
    const char* const line_end = skip_value(colon + 1, end);
    if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') break;
    if (static_cast<std::size_t>(line_end - line) > line_room()) break;
    end_line(base, line, colon, line_end);
    line = line_end + 2;
  }
  position_ = static_cast<std::size_t>(line - base);
  return read_line_start(input);
}

HeadParser::Step HeadParser::read_line_start(std::string_view input) {
  if (position_ == input.size()) return Step::wait;
  const char c = input[position_];
  if (c == '\r') {
    if (position_ + 1 == input.size()) return Step::wait;
    if (input[position_ + 1] != '\n') return malformed("CR without LF");
    position_ += 2;
    return go_on_with(Phase::complete);
  }
  // Line folding is obsolete (RFC 9112 §5.2), and a blank before the first field is an attack.
  if (ascii::is_blank(c)) return malformed("a field line begins with a blank");
  if (marks_.size() >= limits_.max_header_fields) return head_too_large("too many header fields");
  if (limits_.max_header_bytes - fields_size_ < kLineCost + kShortestLine) {
    return head_too_large("the header fields are too large");
  }
  line_at_ = position_;
  return go_on_with(Phase::name);
}

HeadParser::Step HeadParser::read_name(std::string_view input) {
  const std::size_t too_long = line_at_ + line_room() + 1;
  const char* const base = input.data();
  const char* const limit = base + std::min(input.size(), too_long);
  position_ = static_cast<std::size_t>(skip_token(base + position_, limit) - base);
  if (position_ == too_long) return head_too_large("the header fields are too large");
  if (position_ == input.size()) return Step::wait;
  if (input[position_] != ':' || position_ == line_at_) return malformed_name(input);
  colon_at_ = position_;
  if (colon_at_ - line_at_ > static_cast<std::size_t>(kMaxName)) {
    return head_too_large("a field name is too long");
  }
  ++position_;
  phase_ = Phase::value;
  return read_value(input);
}

HeadParser::Step HeadParser::malformed_name(std::string_view input) {
  switch (input[position_]) {
    case ':':
      return malformed("an empty field name");
    case ' ':
    case '\t':
      return malformed("a blank in a field name or before its colon");
    case '\r':
    case '\n':
      return malformed("a field line without a colon");
    default:
      return malformed("a byte that is not allowed in a field name");
  }
}

HeadParser::Step HeadParser::read_value(std::string_view input) {
  const std::size_t too_long = line_at_ + line_room() + 1;
  const char* const base = input.data();
  const char* const limit = base + std::min(input.size(), too_long);
  position_ = static_cast<std::size_t>(skip_value(base + position_, limit) - base);
  if (position_ == too_long) return head_too_large("the header fields are too large");
  if (position_ == input.size()) return Step::wait;
  if (input[position_] != '\r') return malformed(why_no_value_byte(input[position_]));
  if (position_ + 1 == input.size()) return Step::wait;
  if (input[position_ + 1] != '\n') return malformed("CR without LF");
  end_line(base, base + line_at_, base + colon_at_, base + position_);
  position_ += 2;
  return go_on_with(Phase::line);
}

Headers HeadParser::take_headers(std::string_view input, const ArenaRef& arena) {
  const std::string_view head = arena->copy(input.substr(head_at_, position_ - head_at_));
  const char* const base = head.data();
  Headers headers = HeaderWriter::headers_in(arena);
  HeaderWriter writer(headers);
  writer.reserve(marks_.size() + 8);  // room for the fields that a proxy adds
  writer.append_lines(marks_.size(), [this, base](std::size_t i) {
    const Mark& mark = marks_[i];
    const char* const name = base + (mark.name - head_at_);
    return FieldLine{.name_data = name,
                     .value_data = base + (mark.value - head_at_),
                     .value_size = mark.value_size,
                     .name_size = mark.name_size,
                     .id = find_field({name, mark.name_size}),
                     .verbatim = mark.verbatim};
  });
  const std::string_view text =
      text_at_ == 0 ? std::string_view{} : head.substr(text_at_ - head_at_, text_size_);
  if (kind_ == HeadKind::request) target_ = text;
  if (kind_ == HeadKind::response) reason_ = text;
  return headers;
}

}  // namespace onehop::h1
