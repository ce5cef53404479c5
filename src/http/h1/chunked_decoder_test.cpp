// SPDX-License-Identifier: Apache-2.0
//
// Sizes, floods and bytes read directly from a stream. tests/conformance/h1 covers the grammar.

#include "http/h1/chunked_decoder.hpp"

#include "base/arena.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

struct Decoded {
  std::string data;
  std::error_code error;
  bool finished = false;
  std::size_t consumed = 0;
};

Decoded decode(std::string_view input, Side side = Side::client, const Limits& limits = {}) {
  ChunkedDecoder decoder(side, limits);
  Decoded result;
  while (!result.finished) {
    const Result<ChunkedDecoder::Step> step = decoder.decode(input.substr(result.consumed));
    if (!step) {
      result.error = step.error().code();
      EXPECT_EQ(step.error().side(), side);
      break;
    }
    if (step->consumed == 0 && !step->finished) break;
    result.consumed += step->consumed;
    result.data += step->data;
    result.finished = step->finished;
  }
  return result;
}

TEST(ChunkedDecoder, StopsAfterTheMessage) {
  const Decoded d = decode("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET /");
  EXPECT_TRUE(d.finished);
  EXPECT_EQ(d.data, "abcde");
  EXPECT_EQ(d.consumed, 24U);
}

TEST(ChunkedDecoder, AllowsSkippingData) {
  ChunkedDecoder decoder(Side::client, Limits());
  const Result<ChunkedDecoder::Step> first = decoder.decode("a\r\n123");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->data, "123");
  EXPECT_EQ(decoder.data_left(), 7U);
  decoder.skip(3);
  EXPECT_EQ(decoder.data_left(), 4U);
  decoder.skip(4);
  EXPECT_EQ(decoder.data_left(), 0U);
  const Result<ChunkedDecoder::Step> last = decoder.decode("\r\n0\r\n\r\n");
  ASSERT_TRUE(last.has_value());
  EXPECT_TRUE(last->finished);
  EXPECT_EQ(last->consumed, 7U);
}

TEST(ChunkedDecoder, LargestSize) {
  ChunkedDecoder decoder(Side::client, Limits());
  const Result<ChunkedDecoder::Step> step = decoder.decode("ffffffffffffffff\r\n");
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(decoder.data_left(), 0xffffffffffffffffU);
  EXPECT_EQ(decode("10000000000000000\r\n").error, Errc::bad_request);
  EXPECT_EQ(decode("00000000000000000\r\n").error, Errc::bad_request);
  EXPECT_EQ(decode("0000000000000003\r\nabc\r\n0\r\n\r\n").data, "abc");
}

TEST(ChunkedDecoder, SizeLineLimit) {
  const auto line = [](std::size_t size) { return "1;" + std::string(size - 4, 'x') + "\r\n"; };
  EXPECT_EQ(decode(line(4096) + "a\r\n0\r\n\r\n").data, "a");
  EXPECT_EQ(decode(line(4097) + "a\r\n0\r\n\r\n").error, Errc::bad_request);
  EXPECT_EQ(decode("1;" + std::string(5000, 'x')).error, Errc::bad_request);
}

// CVE-2023-39326: a body that consists mainly of chunk extensions.
TEST(ChunkedDecoder, ExtensionFlood) {
  const std::string chunk = "1;" + std::string(200, 'x') + "\r\na\r\n";
  std::string flood;
  for (int i = 0; i < 80; ++i)
    flood += chunk;
  EXPECT_EQ(decode(flood).error, std::error_code());
  for (int i = 0; i < 20; ++i)
    flood += chunk;
  EXPECT_EQ(decode(flood).error, Errc::bad_request);
  EXPECT_EQ(decode(flood, Side::upstream).error, Errc::bad_response);
}

TEST(ChunkedDecoder, AcceptsManyTinyChunksAndModestExtensions) {
  std::string body;
  for (int i = 0; i < 100000; ++i)
    body += "1;ext=12\r\na\r\n";
  EXPECT_EQ(decode(body + "0\r\n\r\n").data.size(), 100000U);
  std::string signed_chunks;  // signed as AWS does: 85 bytes for every 64 KiB
  for (int i = 0; i < 300; ++i) {
    signed_chunks += "10000;chunk-signature=" + std::string(64, '0') + "\r\n";
    signed_chunks += std::string(65536, 'd') + "\r\n";
  }
  EXPECT_TRUE(decode(signed_chunks + "0\r\n\r\n").finished);
}

TEST(ChunkedDecoder, TrailersStayUnconsumedUntilTheyAreComplete) {
  ChunkedDecoder decoder(Side::upstream, Limits());
  std::string input = "0\r\nX-T: ";
  const Result<ChunkedDecoder::Step> first = decoder.decode(input);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->consumed, 3U);
  EXPECT_FALSE(first->finished);
  input = input.substr(3) + "v\r\nContent-Length: 5\r\nX-U: w\r\n\r\nrest";
  const Result<ChunkedDecoder::Step> second = decoder.decode(input);
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->finished);
  EXPECT_EQ(second->consumed, input.size() - 4);
  input.assign(input.size(), '#');
  const Headers trailers = decoder.take_trailers(Arena::create());
  EXPECT_EQ(trailers.size(), 2U);
  EXPECT_EQ(trailers.get("X-T"), "v");
  EXPECT_EQ(trailers.get("X-U"), "w");
}

TEST(ChunkedDecoder, TrailerLimits) {
  const Limits limits = {.max_start_line = 0, .max_header_bytes = 100, .max_header_fields = 2};
  const std::string large = "0\r\nX-T: " + std::string(200, 'v') + "\r\n\r\n";
  EXPECT_EQ(decode(large, Side::client, limits).error, Errc::head_too_large);
  EXPECT_EQ(decode(large, Side::upstream, limits).error, Errc::response_head_too_large);
  EXPECT_EQ(decode("0\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", Side::client, limits).error,
            Errc::head_too_large);
}

TEST(ChunkedDecoder, NoTrailers) {
  ChunkedDecoder decoder(Side::client, Limits());
  ASSERT_TRUE(decoder.decode("0\r\n\r\n").value().finished);
  EXPECT_TRUE(decoder.take_trailers(Arena::create()).empty());
}

}  // namespace
}  // namespace onehop::h1
