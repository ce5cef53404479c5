// SPDX-License-Identifier: Apache-2.0
//
// Runs the cases of tests/conformance/h1/*.md; README.md there describes their format.

#include <onehop/url.hpp>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "http/h1/chunked_decoder.hpp"
#include "http/h1/parser.hpp"
#include "http/host.hpp"
#include "http/message_framing.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

struct Case {
  std::string file;
  std::string title;
  std::string kind;
  std::string input;
  std::string events;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name is GoogleTest's
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.file << ": " << c.title;
}

std::string unescaped(std::string_view text) {
  static const std::map<char, char> short_escapes = {
      {'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'\\', '\\'}};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text.at(i + 1) == 'x') {
      const int byte = ascii::hex_value(text.at(i + 2)) * 16 + ascii::hex_value(text.at(i + 3));
      out += static_cast<char>(byte);
      i += 3;
    } else {
      out += short_escapes.at(text[++i]);
    }
  }
  return out;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view name_of(const Error& error) {
  static const std::map<Errc, std::string_view> names = {
      {Errc::bad_request, "bad_request"},
      {Errc::bad_response, "bad_response"},
      {Errc::unsupported_method, "unsupported_method"},
      {Errc::unsupported_transfer, "unsupported_transfer"},
      {Errc::unsupported_version, "unsupported_version"}};
  return names.at(static_cast<Errc>(error.code().value()));
}

// One end of a connection: parses bytes as they arrive and records the result.
class Reader {
 public:
  explicit Reader(std::string_view kind)
      : is_request_(kind == "request"),
        parser_(is_request_ ? HeadKind::request : HeadKind::response, Limits()) {
    constexpr std::string_view kTo = "response to ";
    if (kind.starts_with(kTo)) method_ = *Method::parse(kind.substr(kTo.size()));
  }

  void feed(std::string_view piece) {
    buffer_ += piece;
    while (!stopped_ && step()) {
    }
  }

  std::string finish() {
    if (stopped_) return events_;
    if (in_body_) {
      flush_data();
      const bool by_close = framing_.kind == BodyFraming::Kind::until_close ||
                            framing_.kind == BodyFraming::Kind::tunnel;
      note(by_close ? "end" : "incomplete");
    } else if (parser_.begun()) {
      note("incomplete");
    } else if (events_.empty()) {
      note("nothing");
    }
    return events_;
  }

 private:
  void note(const std::string& event) { events_.append(event).append("\n"); }

  bool fail(const Error& error) {
    flush_data();
    note("error " + std::string(name_of(error)));
    EXPECT_EQ(error.side(), is_request_ ? Side::client : Side::upstream);
    stopped_ = true;
    return false;
  }

  void flush_data() {
    if (!data_.empty()) note("data " + escaped(data_));
    data_.clear();
  }

  void record_fields(std::string_view event, const Headers& headers) {
    for (const Field field : headers) {
      std::string line = escaped(field.name) + ": " + escaped(field.value);
      if (field.value.empty()) line.pop_back();
      note(std::string(event) + " " + line);
    }
  }

  bool step() { return in_body_ ? read_body() : read_head(); }

  bool read_head() {
    if (buffer_.empty()) return false;
    switch (parser_.parse(buffer_)) {
      case HeadParser::State::incomplete:
        return false;
      case HeadParser::State::failed:
        return fail(parser_.error());
      case HeadParser::State::complete:
        break;
    }
    const Headers headers = parser_.take_headers(buffer_, Arena::create());
    buffer_.erase(0, parser_.size());
    const Result<std::string> first = first_line(headers);
    if (!first) return fail(first.error());
    const Result<BodyFraming> framing =
        is_request_ ? request_framing(parser_.version(), headers)
                    : response_framing(method_, parser_.status(), parser_.version(), headers);
    if (!framing) return fail(framing.error());
    note(*first);
    record_fields("field", headers);
    last_ = !allows_reuse(parser_.version(), headers);
    parser_.reset();
    begin_body(*framing);
    return true;
  }

  Result<std::string> first_line(const Headers& headers) const {
    const std::string version(to_string(parser_.version()));
    if (!is_request_) {
      std::string line = "response " + version + " " + std::to_string(parser_.status().code());
      if (!parser_.reason().empty()) line += " " + escaped(parser_.reason());
      return line;
    }
    const Result<Url> url = Url::parse_target(parser_.target());
    if (!url) return failure(url.error());
    const Result<void> host = check_host(parser_.version(), headers);
    if (!host) return failure(host.error());
    return "request " + std::string(parser_.method().text()) + " " + escaped(url->to_string()) +
           " " + version;
  }

  void begin_body(const BodyFraming& framing) {
    framing_ = framing;
    switch (framing.kind) {
      case BodyFraming::Kind::none:
        note("framing none");
        break;
      case BodyFraming::Kind::length:
        note("framing length " + std::to_string(framing.length));
        break;
      case BodyFraming::Kind::chunked:
        note("framing chunked");
        break;
      case BodyFraming::Kind::until_close:
        note("framing until_close");
        break;
      case BodyFraming::Kind::tunnel:
        note("framing tunnel");
        break;
    }
    if (last_) note("close");
    decoder_.emplace(is_request_ ? Side::client : Side::upstream, Limits());
    in_body_ = true;
  }

  bool end_body() {
    flush_data();
    note("end");
    in_body_ = false;
    stopped_ = last_;
    return true;
  }

  bool read_body() {
    switch (framing_.kind) {
      case BodyFraming::Kind::none:
        return end_body();
      case BodyFraming::Kind::chunked:
        return read_chunks();
      case BodyFraming::Kind::length: {
        const std::string piece = buffer_.substr(0, framing_.length);
        buffer_.erase(0, piece.size());
        data_ += piece;
        framing_.length -= piece.size();
        return framing_.length == 0 && end_body();
      }
      case BodyFraming::Kind::until_close:
      case BodyFraming::Kind::tunnel:
        data_ += std::exchange(buffer_, {});
        break;
    }
    return false;
  }

  bool read_chunks() {
    const Result<ChunkedDecoder::Step> step = decoder_->decode(buffer_);
    if (!step) return fail(step.error());
    data_ += step->data;
    buffer_.erase(0, step->consumed);
    if (!step->finished) return step->consumed != 0;
    flush_data();
    record_fields("trailer", decoder_->take_trailers(Arena::create()));
    return end_body();
  }

  bool is_request_;
  HeadParser parser_;
  Method method_;
  std::optional<ChunkedDecoder> decoder_;
  std::string buffer_;
  std::string data_;
  std::string events_;
  BodyFraming framing_;
  bool in_body_ = false;
  bool last_ = false;
  bool stopped_ = false;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  std::ifstream file(path);
  std::string fence;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      fence = fence.empty() ? line.substr(3) : "";
      if (!fence.empty() && fence != "events") cases.back().kind = fence;
    } else if (fence == "events") {
      cases.back().events.append(line).append("\n");
    } else if (!fence.empty()) {
      cases.back().input += unescaped(line);
    } else if (line.starts_with("## ")) {
      cases.push_back({path.stem().string(), line.substr(3), {}, {}, {}});
    }
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder =
      std::filesystem::path(ONEHOP_SOURCE_DIR) / "tests/conformance/h1";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const bool page = entry.path().extension() == ".md" && entry.path().stem() != "README";
    if (page) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& path : files) {
    std::vector<Case> more = read_cases(path);
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

class H1Case : public ::testing::TestWithParam<Case> {};

TEST_P(H1Case, Whole) {
  Reader reader(GetParam().kind);
  reader.feed(GetParam().input);
  EXPECT_EQ(reader.finish(), GetParam().events);
}

TEST_P(H1Case, ByteByByte) {
  Reader reader(GetParam().kind);
  for (const char c : GetParam().input)
    reader.feed(std::string_view(&c, 1));
  EXPECT_EQ(reader.finish(), GetParam().events);
}

TEST_P(H1Case, SplitAnywhere) {
  const std::string_view input = GetParam().input;
  for (std::size_t at = 0; at <= input.size(); ++at) {
    Reader reader(GetParam().kind);
    reader.feed(input.substr(0, at));
    reader.feed(input.substr(at));
    ASSERT_EQ(reader.finish(), GetParam().events) << "cut at " << at;
  }
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file + "_" + std::to_string(info.index) + "_";
  for (const char c : info.param.title) {
    if (ascii::is_alpha(c) || ascii::is_digit(c)) name += c;
    if (c == ' ') name += '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Conformance, H1Case, ::testing::ValuesIn(all_cases()), test_name);

TEST(H1Cases, AreLoaded) {
  EXPECT_GT(all_cases().size(), 250U);
}

}  // namespace
}  // namespace onehop::h1
