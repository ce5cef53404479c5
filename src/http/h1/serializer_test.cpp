// SPDX-License-Identifier: Apache-2.0

#include "http/h1/serializer.hpp"

#include "base/arena.hpp"
#include "http/h1/parser.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop::h1 {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string request(const Headers& headers,
                    const HeadFraming& framing,
                    std::string_view target = "/p",
                    std::string_view authority = "up:80") {
  std::string out(head_size_bound(headers, target, framing), '#');
  const char* end =
      write_request_head(out.data(), Method::get, target, authority, headers, framing);
  EXPECT_LE(end, out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

std::string response(const Headers& headers,
                     const HeadFraming& framing,
                     std::string_view date = "",
                     std::string_view reason = "OK") {
  std::string out(head_size_bound(headers, reason, framing), '#');
  const char* end = write_response_head(out.data(), Status::ok, reason, headers, framing, date);
  EXPECT_LE(end, out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

HeadFraming of(BodyFraming body) {
  return {.body = body};
}

TEST(Serializer, RequestWithoutFields) {
  EXPECT_EQ(request({}, {}), "GET /p HTTP/1.1\r\nHost: up:80\r\n\r\n");
}

TEST(Serializer, HostKeepsItsPlace) {
  EXPECT_EQ(request({{"A", "1"}, {"hOST", "h"}, {"B", ""}}, {}),
            "GET /p HTTP/1.1\r\nA: 1\r\nhOST: h\r\nB: \r\n\r\n");
}

TEST(Serializer, OmitsAnAuthorityThatIsTooLong) {
  EXPECT_EQ(request({}, {}, "/", std::string(kMaxAuthority + 1, 'a')),
            "GET / HTTP/1.1\r\nHost: \r\n\r\n");
  EXPECT_NE(request({}, {}, "/", std::string(kMaxAuthority, 'a')).find("aaaa"), std::string::npos);
}

TEST(Serializer, ReplacesFramingFields) {
  const Headers headers = {{"Host", "h"},           {"Transfer-Encoding", "gzip"},
                           {"Connection", "X"},     {"Keep-Alive", "timeout=5"},
                           {"Trailer", "X-T"},      {"Upgrade", "h2c"},
                           {"TE", "gzip"},          {"Proxy-Connection", "close"},
                           {"Content-Length", "9"}, {"Z", "1"}};
  EXPECT_EQ(request(headers, {}), "GET /p HTTP/1.1\r\nHost: h\r\nZ: 1\r\n\r\n");
  EXPECT_EQ(request(headers, of(BodyFraming::chunked())),
            "GET /p HTTP/1.1\r\nHost: h\r\nZ: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(Serializer, ContentLengthKeepsItsPlace) {
  const Headers headers = {
      {"A", "1"}, {"content-length", "5"}, {"B", "2"}, {"Content-Length", "5"}};
  EXPECT_EQ(response(headers, of(BodyFraming::of_length(5))),
            "HTTP/1.1 200 OK\r\nA: 1\r\ncontent-length: 5\r\nB: 2\r\n\r\n");
  EXPECT_EQ(response(headers, of(BodyFraming::of_length(18446744073709551615U))),
            "HTTP/1.1 200 OK\r\nA: 1\r\ncontent-length: 18446744073709551615\r\nB: 2\r\n\r\n");
  EXPECT_EQ(response({{"A", "1"}}, of(BodyFraming::of_length(0))),
            "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response(headers, of(BodyFraming::until_close())),
            "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n");
}

TEST(Serializer, KeepsContentLengthOfAResponseToHead) {
  HeadFraming framing;
  framing.keep_content_length = true;
  EXPECT_EQ(response({{"Content-Length", "42"}, {"A", "1"}}, framing),
            "HTTP/1.1 200 OK\r\nContent-Length: 42\r\nA: 1\r\n\r\n");
  EXPECT_EQ(response({{"A", "1"}}, framing), "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n");
}

TEST(Serializer, Connection) {
  HeadFraming framing;
  framing.persistence = Persistence::close;
  EXPECT_EQ(response({}, framing), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  framing.persistence = Persistence::keep_alive;
  EXPECT_EQ(response({}, framing), "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n");
  framing.persistence = Persistence::upgrade;
  framing.upgrade = "websocket";
  EXPECT_EQ(response({}, framing),
            "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  HeadFraming te;
  te.te_trailers = true;
  EXPECT_EQ(request({{"Host", "h"}}, te),
            "GET /p HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
  te.persistence = Persistence::close;
  EXPECT_EQ(request({{"Host", "h"}}, te),
            "GET /p HTTP/1.1\r\nHost: h\r\nConnection: close, TE\r\nTE: trailers\r\n\r\n");
}

TEST(Serializer, Trailer) {
  HeadFraming framing = of(BodyFraming::chunked());
  framing.trailer = "X-T";
  EXPECT_EQ(response({}, framing),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n");
}

TEST(Serializer, AddsDateOnlyWhenMissing) {
  EXPECT_EQ(response({}, {}, kDate),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
  EXPECT_EQ(response({{"date", "x"}}, {}, kDate), "HTTP/1.1 200 OK\r\ndate: x\r\n\r\n");
}

TEST(Serializer, EmptyReason) {
  EXPECT_EQ(response({}, {}, "", ""), "HTTP/1.1 200 \r\n\r\n");
}

// Received lines are copied unchanged; edits between them break the runs.
TEST(Serializer, KeepsTheSpellingOfReceivedLines) {
  const std::string head =
      "GET / HTTP/1.1\r\nhost: h\r\nX-a: 1\r\nB:2\r\nC:  3 \r\nConnection: x\r\nD: 4\r\nE: "
      "\r\n\r\n";
  HeadParser parser(HeadKind::request, Limits());
  ASSERT_EQ(parser.parse(head), HeadParser::State::complete);
  Headers headers = parser.take_headers(head, Arena::create());
  headers.add("F", "5");
  headers.erase("X-a");
  EXPECT_EQ(request(headers, {}),
            "GET /p HTTP/1.1\r\nhost: h\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: \r\nF: 5\r\n\r\n");
}

TEST(Serializer, SizeBoundHoldsForManyShortLines) {
  Headers headers;
  for (int i = 0; i < 200; ++i)
    headers.add("Content-Length", "");
  HeadFraming framing = of(BodyFraming::of_length(18446744073709551615U));
  framing.persistence = Persistence::upgrade;
  framing.upgrade = "websocket";
  framing.te_trailers = true;
  framing.trailer = "X";
  EXPECT_NE(response(headers, framing, kDate).find("18446744073709551615"), std::string::npos);
}

TEST(Serializer, ChunkSize) {
  for (const auto& [size, text] : {std::pair<std::uint64_t, std::string_view>{0, "0\r\n"},
                                   {500, "1f4\r\n"},
                                   {18446744073709551615U, "ffffffffffffffff\r\n"}}) {
    char out[kChunkSizeLine];
    const char* end = write_chunk_size(out, size);
    EXPECT_EQ(std::string_view(out, static_cast<std::size_t>(end - out)), text);
  }
}

TEST(Serializer, LastChunk) {
  const Headers trailers = {
      {"X-T", "v"}, {"Content-Length", "5"}, {"grpc-status", "0"}, {"X-Forwarded-Prefix", "/"}};
  std::string out(last_chunk_size_bound(trailers), '#');
  const char* end = write_last_chunk(out.data(), trailers);
  out.resize(static_cast<std::size_t>(end - out.data()));
  EXPECT_EQ(out, "0\r\nX-T: v\r\ngrpc-status: 0\r\n\r\n");
  std::string bare(last_chunk_size_bound({}), '#');
  EXPECT_EQ(write_last_chunk(bare.data(), {}), bare.data() + bare.size());
  EXPECT_EQ(bare, "0\r\n\r\n");
}

}  // namespace
}  // namespace onehop::h1
