// SPDX-License-Identifier: Apache-2.0
//
// Limits, early failure, moving buffers and reuse. tests/conformance/h1 covers the grammar.

#include "http/h1/parser.hpp"

#include "base/arena.hpp"
#include "http/header_lines.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

using State = HeadParser::State;

Limits limits(std::size_t start_line, std::size_t bytes, std::size_t fields) {
  return {.max_start_line = start_line, .max_header_bytes = bytes, .max_header_fields = fields};
}

// Returns the error after one call with all of the input. A call per byte must return the same.
std::error_code outcome(HeadKind kind, const Limits& l, const std::string& input) {
  HeadParser whole(kind, l);
  const State state = whole.parse(input);
  HeadParser pieces(kind, l);
  State last = State::incomplete;
  for (std::size_t n = 0; n <= input.size() && last == State::incomplete; ++n) {
    last = pieces.parse(std::string_view(input).substr(0, n));
  }
  EXPECT_EQ(last, state) << input.substr(0, 100);
  const std::error_code code = state == State::failed ? whole.error().code() : std::error_code();
  if (state == State::failed && last == state) {
    EXPECT_EQ(pieces.error().code(), code);
  }
  if (state == State::complete && last == state) {
    EXPECT_EQ(pieces.size(), whole.size());
  }
  return state == State::incomplete ? std::make_error_code(std::errc::operation_would_block) : code;
}

TEST(HeadParser, RequestLineLimitCountsTheLine) {
  const Limits l = limits(20, 1000, 10);
  EXPECT_EQ(outcome(HeadKind::request, l, "GET /345678 HTTP/1.1\r\n\r\n"), std::error_code());
  for (const std::string_view target : {"/3456789", "/34567890", "/345678901234567890"}) {
    const std::string line = "GET " + std::string(target) + " HTTP/1.1\r\n\r\n";
    EXPECT_EQ(outcome(HeadKind::request, l, line), Errc::request_line_too_long) << target;
  }
  // The limit applies before the line ends, even if the line would be malformed.
  EXPECT_EQ(outcome(HeadKind::request, l, "GET /" + std::string(16, 'x')),
            Errc::request_line_too_long);
  EXPECT_EQ(outcome(HeadKind::request, l, "GET /" + std::string(16, 'x') + "\x01"),
            Errc::request_line_too_long);
  EXPECT_EQ(outcome(HeadKind::request, limits(2, 1000, 10), "GET / HTTP/1.1\r\n\r\n"),
            Errc::request_line_too_long);
}

TEST(HeadParser, StatusLineLimit) {
  const Limits l = limits(16, 1000, 10);
  EXPECT_EQ(outcome(HeadKind::response, l, "HTTP/1.1 200 abc\r\n\r\n"), std::error_code());
  EXPECT_EQ(outcome(HeadKind::response, l, "HTTP/1.1 200 abcd\r\n\r\n"),
            Errc::response_head_too_large);
  EXPECT_EQ(outcome(HeadKind::response, l, "HTTP/1.1 200 abcd"), Errc::response_head_too_large);
}

TEST(HeadParser, NamesTheProtocolOfAServerThatIsNotHttp1) {
  const auto detail = [](std::string_view input) {
    HeadParser parser(HeadKind::response, {});
    EXPECT_EQ(parser.parse(input), State::failed);
    return std::string(parser.error().detail());
  };
  using namespace std::string_view_literals;
  EXPECT_NE(detail("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x80"sv).find("write h2c://"), std::string::npos);
  EXPECT_NE(detail("\0\0\x2f\7\0\0\0\0\0"sv).find("write h2c://"), std::string::npos);
  EXPECT_NE(detail("\x15\3\3\0\2\2\x46"sv).find("write https://"), std::string::npos);
  EXPECT_EQ(detail("\0\0\6\4\0\0\0\0\1"sv), "not an HTTP status line");
  EXPECT_EQ(detail("SSH-2.0-OpenSSH"sv), "not an HTTP status line");
}

TEST(HeadParser, MethodLimit) {
  const std::string longest(Method::kMaxSize, 'M');
  EXPECT_EQ(outcome(HeadKind::request, Limits(), longest + " / HTTP/1.1\r\n\r\n"),
            std::error_code());
  EXPECT_EQ(outcome(HeadKind::request, Limits(), longest + "M / HTTP/1.1\r\n\r\n"),
            Errc::unsupported_method);
  EXPECT_EQ(outcome(HeadKind::request, Limits(), longest + "M"), Errc::unsupported_method);
}

TEST(HeadParser, CountsHeaderBytesAsNamePlusValuePlus32) {
  const std::string head = "GET / HTTP/1.1\r\nab: cd\r\nefg: hij\r\n\r\n";
  EXPECT_EQ(outcome(HeadKind::request, limits(100, 36 + 38, 10), head), std::error_code());
  EXPECT_EQ(outcome(HeadKind::request, limits(100, 36 + 37, 10), head), Errc::head_too_large);
  EXPECT_EQ(outcome(HeadKind::request, limits(100, 36, 10), head), Errc::head_too_large);
  EXPECT_EQ(outcome(HeadKind::request, limits(100, 0, 10), head), Errc::head_too_large);
  EXPECT_EQ(outcome(HeadKind::request, limits(100, 0, 10), "GET / HTTP/1.1\r\n\r\n"),
            std::error_code());
  const std::string response = "HTTP/1.1 200 OK\r\nab: cd\r\n\r\n";
  EXPECT_EQ(outcome(HeadKind::response, limits(100, 35, 10), response),
            Errc::response_head_too_large);
}

TEST(HeadParser, EndlessLinesAreCutOff) {
  const Limits l = limits(100, 200, 10);
  const std::string start = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(outcome(HeadKind::request, l, start + std::string(300, 'n')), Errc::head_too_large);
  EXPECT_EQ(outcome(HeadKind::request, l, start + "n:" + std::string(300, 'v')),
            Errc::head_too_large);
  EXPECT_EQ(outcome(HeadKind::request, l, start + "n:" + std::string(300, ' ')),
            Errc::head_too_large);
}

TEST(HeadParser, FieldCount) {
  const Limits l = limits(100, 1000, 2);
  const std::string start = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(outcome(HeadKind::request, l, start + "a: 1\r\nb: 2\r\n\r\n"), std::error_code());
  EXPECT_EQ(outcome(HeadKind::request, l, start + "a: 1\r\nb: 2\r\nc"), Errc::head_too_large);
}

TEST(HeadParser, NamesFitTheirField) {
  const Limits large = limits(100, 1 << 20, 10);
  const std::string start = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(outcome(HeadKind::request, large, start + std::string(65535, 'n') + ": v\r\n\r\n"),
            std::error_code());
  EXPECT_EQ(outcome(HeadKind::request, large, start + std::string(65536, 'n') + ": v\r\n\r\n"),
            Errc::head_too_large);
}

// TLS on a plaintext port must not wait for a timeout.
TEST(HeadParser, RejectsAnImpossibleStartLineAtTheFirstByte) {
  for (const char c : {'\x16', '\x80', '\0', '\n', ' ', ':', '{'}) {
    HeadParser parser(HeadKind::request, Limits());
    EXPECT_EQ(parser.parse(std::string_view(&c, 1)), State::failed) << int{c};
    EXPECT_TRUE(parser.error().is(Errc::bad_request));
    EXPECT_EQ(parser.error().side(), Side::client);
  }
  HeadParser parser(HeadKind::response, Limits());
  EXPECT_EQ(parser.parse("HTTX"), State::failed);
  EXPECT_TRUE(parser.error().is(Errc::bad_response));
  EXPECT_EQ(parser.error().side(), Side::upstream);
}

TEST(HeadParser, BeginsWithTheFirstByteOfTheStartLine) {
  HeadParser parser(HeadKind::request, Limits());
  EXPECT_EQ(parser.parse(""), State::incomplete);
  EXPECT_FALSE(parser.begun());
  EXPECT_EQ(parser.parse("\r"), State::incomplete);
  EXPECT_EQ(parser.parse("\r\n"), State::incomplete);
  EXPECT_FALSE(parser.begun());
  EXPECT_EQ(parser.parse("\r\nG"), State::incomplete);
  EXPECT_TRUE(parser.begun());
}

TEST(HeadParser, TheBufferMayMove) {
  const std::string head =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: example.com\r\nX-Long-Name: some value\r\n\r\nbody";
  HeadParser parser(HeadKind::request, Limits());
  State state = State::incomplete;
  std::string last;
  for (std::size_t n = 1; state == State::incomplete; ++n) {
    std::string moved = head.substr(0, n);
    state = parser.parse(moved);
    last.swap(moved);
    moved.assign(moved.size(), '#');
  }
  ASSERT_EQ(state, State::complete);
  EXPECT_EQ(parser.size(), head.size() - 4);
  const Headers headers = parser.take_headers(last, Arena::create());
  last.assign(last.size(), '#');  // the headers must not refer to the input
  EXPECT_EQ(parser.method(), Method::post);
  EXPECT_EQ(parser.target(), "/a?b");
  EXPECT_EQ(headers.get("Host"), "example.com");
  EXPECT_EQ(headers.get("x-long-name"), "some value");
}

TEST(HeadParser, ResetForgetsTheMessage) {
  HeadParser parser(HeadKind::request, Limits());
  ASSERT_EQ(parser.parse("GET /one HTTP/1.0\r\nA: b\r\n\r\n"), State::complete);
  parser.reset();
  EXPECT_FALSE(parser.begun());
  const std::string second = "PUT /two HTTP/1.1\r\nC: d\r\n\r\n";
  ASSERT_EQ(parser.parse(second), State::complete);
  const Headers headers = parser.take_headers(second, Arena::create());
  EXPECT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers.get("C"), "d");
  EXPECT_EQ(parser.version(), Version::http_1_1);
  EXPECT_EQ(parser.target(), "/two");
  parser.reset();
  EXPECT_EQ(parser.parse("\x01"), State::failed);
  parser.reset();
  EXPECT_EQ(parser.parse(second), State::complete);
}

TEST(HeadParser, VerbatimMeansReadyForTheWire) {
  const std::string head =
      "GET / HTTP/1.1\r\nA: b\r\nC:d\r\nE:  f\r\nG: h \r\nI: \r\nJ:\r\nK:\tl\r\n\r\n";
  HeadParser parser(HeadKind::request, Limits());
  ASSERT_EQ(parser.parse(head), State::complete);
  const Headers headers = parser.take_headers(head, Arena::create());
  std::string verbatim;
  for (std::size_t i = 0; i < headers.size(); ++i)
    verbatim += HeaderLines(headers)[i].verbatim ? '1' : '0';
  EXPECT_EQ(verbatim, "1000100");
}

TEST(HeadParser, AMissingReasonIsEmptyNotNull) {
  for (const std::string head : {"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"}) {
    HeadParser parser(HeadKind::response, Limits());
    ASSERT_EQ(parser.parse(head), State::complete);
    const Headers headers = parser.take_headers(head, Arena::create());
    EXPECT_EQ(parser.reason(), "");
    EXPECT_NE(parser.reason().data(), nullptr);
  }
}

// Parses 64 KiB byte by byte. Quadratic work would take seconds.
TEST(HeadParser, ByteByByteIsLinear) {
  std::string head = "GET / HTTP/1.1\r\nA: ";
  head.append(60000, 'v').append("\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  for (int round = 0; round < 10; ++round) {
    HeadParser parser(HeadKind::request, Limits());
    for (std::size_t n = 1; n < head.size(); ++n) {
      ASSERT_EQ(parser.parse(std::string_view(head).substr(0, n)), State::incomplete);
    }
    ASSERT_EQ(parser.parse(head), State::complete);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace onehop::h1
