// SPDX-License-Identifier: Apache-2.0
#include "support/h1_message.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>

namespace onehop::test {
namespace {

constexpr std::string_view kCrlf = "\r\n";
constexpr std::uint64_t kMaxDigits = 15;

bool is_token(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::uint64_t> number(std::string_view digits, unsigned base) {
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(lower({&c, 1}));
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

// Reads the bytes of one message.
class Reading {
 public:
  using State = H1Message::State;

  explicit Reading(std::string_view data) : data_(data) {}

  H1Message request() {
    std::string_view line;
    if (take_line(line) && take_request_line(line) && take_fields(message_.fields)) {
      message_.has_head = true;
      take_content(State::whole);
    }
    return finished();
  }

  H1Message response(std::string_view method, bool ended) {
    do {
      message_ = H1Message();
      std::string_view line;
      if (!take_line(line) || !take_status_line(line) || !take_fields(message_.fields)) {
        message_.has_head = false;
        return finished();
      }
    } while (message_.status < 200 && message_.status != 101);
    message_.has_head = true;
    if (method == "HEAD" || message_.status == 101 || message_.status == 204 ||
        message_.status == 304) {
      message_.state = State::whole;
    } else {
      take_content(ended ? State::whole : State::incomplete, true);
    }
    return finished();
  }

 private:
  H1Message finished() {
    message_.size = at_;
    return std::move(message_);
  }
  bool refuse() {
    message_.state = State::malformed;
    return false;
  }

  bool take_line(std::string_view& line) {
    const std::size_t end = data_.find(kCrlf, at_);
    if (end == std::string_view::npos) return false;
    line = data_.substr(at_, end - at_);
    at_ = end + kCrlf.size();
    return true;
  }

  bool take_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return refuse();
    message_.method = line.substr(0, first);
    message_.target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    const bool fine = std::all_of(message_.method.begin(), message_.method.end(), is_token) &&
                      message_.target.find(' ') == std::string::npos &&
                      (version == "HTTP/1.1" || version == "HTTP/1.0");
    return fine || refuse();
  }

  bool take_status_line(std::string_view line) {
    if (!line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.0 ")) return refuse();
    const auto status = number(line.substr(9, 3), 10);
    if (!status || *status < 100 || line.size() < 12) return refuse();
    if (line.size() > 12 && line[12] != ' ') return refuse();
    if (!std::all_of(line.begin(), line.end(), is_text)) return refuse();
    message_.status = static_cast<int>(*status);
    return true;
  }

  bool take_fields(Lines& lines) {
    for (;;) {
      std::string_view line;
      if (!take_line(line)) return false;
      if (line.empty()) return true;
      const std::size_t colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos) return refuse();
      const std::string_view name = line.substr(0, colon);
      const std::string_view value = trimmed(line.substr(colon + 1));
      if (!std::all_of(name.begin(), name.end(), is_token)) return refuse();
      if (!std::all_of(value.begin(), value.end(), is_text)) return refuse();
      lines.emplace_back(lower(name), value);
    }
  }

  // `unframed` is the result for content without framing.
  void take_content(State unframed, bool until_close = false) {
    std::optional<std::uint64_t> length;
    bool chunked = false;
    for (const auto& [name, value] : message_.fields) {
      if (name == "transfer-encoding") {
        if (chunked || lower(value) != "chunked") return (void)refuse();
        chunked = true;
      } else if (name == "content-length") {
        const auto said = number(value, 10);
        if (!said || (length && *length != *said)) return (void)refuse();
        length = said;
      }
    }
    if (chunked && length) return (void)refuse();
    if (chunked) return take_chunks();
    if (length) {
      const std::uint64_t here = std::min<std::uint64_t>(*length, data_.size() - at_);
      message_.body = data_.substr(at_, here);
      at_ += here;
      if (here == *length) message_.state = State::whole;
      return;
    }
    if (until_close) {
      message_.body = data_.substr(at_);
      at_ = data_.size();
    }
    message_.state = unframed;
  }

  void take_chunks() {
    for (;;) {
      std::string_view line;
      if (!take_line(line)) return;
      const std::size_t end = std::min(line.find(';'), line.size());
      const auto size = number(trimmed(line.substr(0, end)), 16);
      if (!size || !std::all_of(line.begin(), line.end(), is_text)) return (void)refuse();
      if (*size == 0) break;
      message_.body += data_.substr(at_, *size);
      if (data_.size() - at_ < *size + kCrlf.size()) return;
      at_ += *size;
      if (data_.substr(at_, kCrlf.size()) != kCrlf) return (void)refuse();
      at_ += kCrlf.size();
    }
    if (take_fields(message_.trailers)) message_.state = State::whole;
  }

  std::string_view data_;
  std::size_t at_ = 0;
  H1Message message_;
};

}  // namespace

std::string_view value_of(const Lines& lines, std::string_view name) {
  for (const auto& [each, value] : lines) {
    if (each == name) return value;
  }
  return {};
}

H1Message read_h1_request(std::string_view data) {
  return Reading(data).request();
}

H1Message read_h1_response(std::string_view data, std::string_view method, bool ended) {
  return Reading(data).response(method, ended);
}

}  // namespace onehop::test
