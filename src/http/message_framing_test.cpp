// SPDX-License-Identifier: Apache-2.0

#include "http/message_framing.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

using Fields = std::initializer_list<Field>;

struct Refused {
  Errc code;
};

void expect(Fields fields, const BodyFraming& framing) {
  const Result<BodyFraming> got = request_framing(Version::http_1_1, Headers(fields));
  ASSERT_TRUE(got.has_value()) << got.error().to_string();
  EXPECT_EQ(*got, framing);
}

void expect_refused(Fields fields, Errc code, Version version = Version::http_1_1) {
  const Result<BodyFraming> got = request_framing(version, Headers(fields));
  ASSERT_FALSE(got.has_value()) << fields.begin()->value;
  EXPECT_TRUE(got.error().is(code)) << fields.begin()->value << ": " << got.error().to_string();
  EXPECT_EQ(got.error().side(), Side::client);
}

// Several Content-Length lines that disagree, in any order. A recipient that used the last or the
// smallest length would find another message in the content.
const std::initializer_list<Fields> kContradictions = {
    {{"Content-Length", "1"}, {"Content-Length", "2"}},
    {{"Content-Length", "2"}, {"Content-Length", "1"}},
    {{"Content-Length", "3"}, {"Content-Length", "3"}, {"Content-Length", "2"}},
    {{"Content-Length", "3"}, {"Content-Length", "2"}, {"Content-Length", "3"}},
    {{"Content-Length", "2"}, {"Content-Length", "3"}, {"Content-Length", "3"}},
    {{"Content-Length", "0"}, {"Content-Length", "18446744073709551615"}},
    {{"Content-Length", "18446744073709551615"}, {"Content-Length", "0"}},
    {{"Content-Length", "1"}, {"Content-Length", ""}},
    {{"Content-Length", ""}, {"Content-Length", "1"}},
};

void expect_response_refused(const Method& method, Fields fields) {
  const Result<BodyFraming> got =
      response_framing(method, Status::ok, Version::http_1_1, Headers(fields));
  ASSERT_FALSE(got.has_value()) << fields.begin()->value;
  EXPECT_TRUE(got.error().is(Errc::bad_response)) << fields.begin()->value;
  EXPECT_EQ(got.error().side(), Side::upstream);
}

TEST(RequestFraming, AcceptsValidFields) {
  expect({}, BodyFraming::none());
  expect({{"Content-Length", "0"}}, BodyFraming::of_length(0));
  expect({{"Content-Length", "42"}}, BodyFraming::of_length(42));
  expect({{"Content-Length", "042"}}, BodyFraming::of_length(42));
  expect({{"Content-Length", "42"}, {"content-length", "42"}}, BodyFraming::of_length(42));
  expect({{"Content-Length", "18446744073709551615"}},
         BodyFraming::of_length(18446744073709551615U));
  expect({{"Transfer-Encoding", "chunked"}}, BodyFraming::chunked());
  expect({{"transfer-encoding", "CHUNKED"}}, BodyFraming::chunked());
  expect({{"Trailer", "Content-Length"}}, BodyFraming::none());
  expect({{"Transfer-Encoding", "chunked"}, {"Trailer", "X-T"}}, BodyFraming::chunked());
}

TEST(RequestFraming, RejectsInvalidLengths) {
  for (const std::string_view bad : {"", "+1", "-1", "0x1", "1 1", "1,1", "1, 2", "1,", "a", "1a",
                                     "1.0", "18446744073709551616", "\"1\"", "\xc2\xb2"}) {
    expect_refused({{"Content-Length", bad}}, Errc::bad_request);
  }
  for (const Fields& lengths : kContradictions)
    expect_refused(lengths, Errc::bad_request);
}

TEST(RequestFraming, RejectsInvalidTransferEncodings) {
  for (const std::string_view bad :
       {"", "chunked, chunked", "chunked,", ", chunked", "chunked, gzip", "\"chunked\"",
        "chunked;q=1", "chun ked", "\tchunked, chunked", "(x) chunked", "gzip;x, chunked"}) {
    expect_refused({{"Transfer-Encoding", bad}}, Errc::bad_request);
  }
  for (const std::string_view honest :
       {"gzip, chunked", "gzip", "identity", "xchunked", "chunkedx", "deflate, gzip, chunked"}) {
    expect_refused({{"Transfer-Encoding", honest}}, Errc::unsupported_transfer);
  }
  expect_refused({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
                 Errc::bad_request);
  expect_refused({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}},
                 Errc::bad_request);
  expect_refused({{"Transfer-Encoding", "chunked"}, {"Content-Length", "3"}}, Errc::bad_request);
  expect_refused({{"Content-Length", "3"}, {"Transfer-Encoding", "identity"}}, Errc::bad_request);
  expect_refused({{"Transfer-Encoding", "chunked"}}, Errc::bad_request, Version::http_1_0);
  for (const std::string_view name : {"Transfer-Encoding", "X, content-length", "trailer"}) {
    expect_refused({{"Transfer-Encoding", "chunked"}, {"Trailer", name}}, Errc::bad_request);
  }
}

TEST(RequestFraming, ListMembersNeverHideChunked) {
  // ", chunked" has one member but is not the single token.
  const Headers headers = {{"Transfer-Encoding", ", chunked"}};
  EXPECT_FALSE(request_framing(Version::http_1_1, headers).has_value());
}

struct ResponseCase {
  int status;
  Fields fields;
  BodyFraming framing;
};

TEST(ResponseFraming, Table) {
  constexpr BodyFraming kTunnel{BodyFraming::Kind::tunnel, 0};
  for (const ResponseCase& c :
       {ResponseCase{200, {}, BodyFraming::until_close()},
        ResponseCase{200, {{"Content-Length", "5"}}, BodyFraming::of_length(5)},
        ResponseCase{200, {{"Transfer-Encoding", "chunked"}}, BodyFraming::chunked()},
        ResponseCase{404, {}, BodyFraming::until_close()},
        ResponseCase{204, {}, BodyFraming::none()},
        ResponseCase{204, {{"Content-Length", "5"}}, BodyFraming::none()},
        ResponseCase{304, {{"Content-Length", "5"}}, BodyFraming::none()},
        ResponseCase{304, {{"Transfer-Encoding", "chunked"}}, BodyFraming::none()},
        ResponseCase{100, {}, BodyFraming::none()}, ResponseCase{103, {}, BodyFraming::none()},
        ResponseCase{101, {}, kTunnel}}) {
    const Result<BodyFraming> got =
        response_framing(Method::get, Status(c.status), Version::http_1_1, Headers(c.fields));
    ASSERT_TRUE(got.has_value()) << c.status;
    EXPECT_EQ(*got, c.framing) << c.status;
  }
}

TEST(ResponseFraming, DependsOnTheMethod) {
  const Headers headers = {{"Content-Length", "5"}};
  const auto framing = [&headers](const Method& method) {
    return response_framing(method, Status::ok, Version::http_1_1, headers).value();
  };
  EXPECT_EQ(framing(Method::head), BodyFraming::none());
  EXPECT_EQ(framing(Method::connect).kind, BodyFraming::Kind::tunnel);
  EXPECT_EQ(framing(Method::post), BodyFraming::of_length(5));
}

TEST(ResponseFraming, Refused) {
  for (const Fields& fields :
       {Fields{{"Content-Length", "+3"}}, Fields{{"Content-Length", "-1"}},
        Fields{{"Content-Length", "abc"}}, Fields{{"Content-Length", ""}},
        Fields{{"Transfer-Encoding", "gzip, chunked"}}, Fields{{"Transfer-Encoding", "gzip"}},
        Fields{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
        Fields{{"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}},
        Fields{{"Transfer-Encoding", "chunked"}, {"Trailer", "Content-Length"}}}) {
    for (const Method& method : {Method::get, Method::head})
      expect_response_refused(method, fields);
  }
  for (const Fields& lengths : kContradictions) {
    for (const Method& method : {Method::get, Method::head})
      expect_response_refused(method, lengths);
  }
  const Headers chunked = {{"Transfer-Encoding", "chunked"}};
  EXPECT_FALSE(response_framing(Method::get, Status::ok, Version::http_1_0, chunked).has_value());
}

TEST(AllowsReuse, Table) {
  EXPECT_TRUE(allows_reuse(Version::http_1_1, {}));
  EXPECT_FALSE(allows_reuse(Version::http_1_0, {}));
  EXPECT_FALSE(allows_reuse(Version::http_1_1, {{"Connection", "X, CLOSE"}}));
  EXPECT_TRUE(allows_reuse(Version::http_1_0, {{"Connection", "Keep-Alive"}}));
  EXPECT_FALSE(allows_reuse(Version::http_1_0, {{"Connection", "Keep-Alive, close"}}));
  EXPECT_TRUE(allows_reuse(Version::http_2, {}));
}

}  // namespace
}  // namespace onehop
