// SPDX-License-Identifier: Apache-2.0

#include "http/h2/field_mapping.hpp"

#include "base/arena.hpp"

#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

using ::testing::ElementsAre;
using Lines = std::vector<Field>;

FieldSection section_of(FieldSection::Kind kind, const Lines& lines, FieldLimits limits = {}) {
  const Side side = kind == FieldSection::Kind::request ? Side::client : Side::upstream;
  FieldSection section(kind, side, Arena::create(), limits);
  for (const Field& line : lines)
    section.add(line.name, line.value);
  return section;
}

Result<Request> request_of(const Lines& lines, FieldLimits limits = {}) {
  return section_of(FieldSection::Kind::request, lines, limits).take_request();
}

// Returns a request for "/" at "h" with `more` after its pseudo-fields.
Lines with(Lines more) {
  Lines lines = {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

std::vector<std::string> shown(const FieldList& fields) {
  std::vector<std::string> lines;
  for (const Field& field : fields)
    lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  return lines;
}

TEST(FieldMapping, BuildsARequestFromPseudoFields) {
  auto request = request_of({{":method", "POST"},
                             {":scheme", "https"},
                             {":authority", "example.org:8443"},
                             {":path", "/a?b=c"},
                             {"x-one", "1"}});
  ASSERT_TRUE(request) << request.error().to_string();
  EXPECT_EQ(request->method(), Method::post);
  EXPECT_EQ(request->url().target(), "/a?b=c");
  EXPECT_EQ(request->host(), "example.org:8443");
  EXPECT_EQ(request->headers().get("X-One"), "1");
  EXPECT_EQ(request->headers().size(), 2u);
}

TEST(FieldMapping, UsesHostWithoutAnAuthority) {
  auto request =
      request_of({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "h:1"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->host(), "h:1");
}

TEST(FieldMapping, AcceptsAHostThatMatchesTheAuthority) {
  auto request = request_of(with({{"host", "H"}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->headers().get_all("host").size(), 1u);
}

TEST(FieldMapping, JoinsCookieCrumbs) {
  auto request =
      request_of(with({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c"}}));
  ASSERT_TRUE(request);
  EXPECT_THAT(request->headers().get_all("cookie"), ElementsAre("a=1; b=2; c"));
}

struct Refusal {
  const char* name;
  Lines lines;
};

class RefusedRequest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedRequest, IsMalformed) {
  const auto request = request_of(GetParam().lines);
  ASSERT_FALSE(request);
  EXPECT_TRUE(request.error().is(Errc::bad_request)) << request.error().to_string();
  EXPECT_EQ(request.error().side(), Side::client);
}

const Field kMethod{":method", "GET"};
const Field kScheme{":scheme", "http"};
const Field kAuthority{":authority", "h"};
const Field kPath{":path", "/"};

INSTANTIATE_TEST_SUITE_P(
    Rfc9113,
    RefusedRequest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"NoMethod", {kScheme, kAuthority, kPath}},
        {"NoScheme", {kMethod, kAuthority, kPath}},
        {"NoPath", {kMethod, kScheme, kAuthority}},
        {"NoAuthority", {kMethod, kScheme, kPath}},
        {"EmptyPath", {kMethod, kScheme, kAuthority, {":path", ""}}},
        {"PathWithoutSlash", {kMethod, kScheme, kAuthority, {":path", "x"}}},
        {"AbsolutePath", {kMethod, kScheme, kAuthority, {":path", "http://h/"}}},
        {"AsteriskForGet", {kMethod, kScheme, kAuthority, {":path", "*"}}},
        {"BlankInPath", {kMethod, kScheme, kAuthority, {":path", "/a b"}}},
        {"BadEscape", {kMethod, kScheme, kAuthority, {":path", "/%zz"}}},
        {"ForeignScheme", {kMethod, {":scheme", "ftp"}, kAuthority, kPath}},
        {"MethodIsNoToken", {{":method", "G T"}, kScheme, kAuthority, kPath}},
        {"MethodTwice", with({{"x", "y"}, kMethod})},
        {"PathTwice", {kMethod, kScheme, kAuthority, kPath, kPath}},
        {"UnknownPseudo", {kMethod, kScheme, kAuthority, kPath, {":foo", "x"}}},
        {"StatusInRequest", {kMethod, kScheme, kAuthority, kPath, {":status", "200"}}},
        {"PseudoBehindRegular", {kMethod, kScheme, kAuthority, {"x", "y"}, kPath}},
        {"ProtocolWithoutConnect",
         {kMethod, {":protocol", "websocket"}, kScheme, kAuthority, kPath}},
        {"UserInfo", {kMethod, kScheme, {":authority", "u@h"}, kPath}},
        {"SlashInAuthority", {kMethod, kScheme, {":authority", "h/x"}, kPath}},
        {"BlankInAuthority", {kMethod, kScheme, {":authority", "h x"}, kPath}},
        {"AuthorityAndHostDiffer", with({{"host", "other"}})},
        {"EmptyHost", {kMethod, kScheme, kPath, {"host", ""}}},
        {"TwoHosts", with({{"host", "h"}, {"host", "h"}})},
        {"UpperCase", with({{"X-A", "1"}})},
        {"EmptyName", with({{"", "1"}})},
        {"ColonInName", with({{"a:b", "1"}})},
        {"BlankInName", with({{"a b", "1"}})},
        {"CrLfInValue", with({{"a", "1\r\nb: 2"}})},
        {"LfInValue", with({{"a", "1\n2"}})},
        {"NulInValue", with({{"a", std::string_view("1\0002", 3)}})},
        {"BlankBeforePath", {kMethod, kScheme, kAuthority, {":path", " /"}}},
        {"BlankAfterAuthority", {kMethod, kScheme, {":authority", "h "}, kPath}},
        {"Connection", with({{"connection", "close"}})},
        {"KeepAlive", with({{"keep-alive", "timeout=5"}})},
        {"ProxyConnection", with({{"proxy-connection", "keep-alive"}})},
        {"TransferEncoding", with({{"transfer-encoding", "chunked"}})},
        {"Upgrade", with({{"upgrade", "websocket"}})},
        {"TeGzip", with({{"te", "gzip"}})},
        {"TeList", with({{"te", "trailers, gzip"}})},
        {"ContentLengthsDiffer", with({{"content-length", "1"}, {"content-length", "2"}})},
        {"ContentLengthsFall", with({{"content-length", "2"}, {"content-length", "1"}})},
        {"ContentLengthSigned", with({{"content-length", "+1"}})},
        {"ContentLengthEmpty", with({{"content-length", ""}})},
    }),
    [](const auto& param) { return std::string(param.param.name); });

// A mobile app sends such blanks in User-Agent, and a gRPC server in its message. HTTP/1 recipients
// ignore them.
TEST(FieldMapping, RemovesBlanksAroundValues) {
  auto request = request_of(with({{"user-agent", " app/1.0 \t"},
                                  {"empty", " \t "},
                                  {"inside", "a \tb"},
                                  {"content-length", "3 "}}));
  ASSERT_TRUE(request) << request.error().to_string();
  EXPECT_EQ(request->headers().get("user-agent"), "app/1.0");
  EXPECT_EQ(request->headers().get("empty"), "");
  EXPECT_EQ(request->headers().get("inside"), "a \tb");
  EXPECT_EQ(request->headers().get("content-length"), "3");
  auto response =
      section_of(FieldSection::Kind::response, {{":status", "200"}, {"a", "b "}}).take_response();
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->headers().get("a"), "b");
  auto trailers =
      section_of(FieldSection::Kind::trailers, {{"grpc-message", "\tno "}}).take_trailers();
  ASSERT_TRUE(trailers) << trailers.error().to_string();
  EXPECT_EQ(trailers->get("grpc-message"), "no");
}

// Programs generate pseudo-fields, so honest senders do not send blanks there.
TEST(FieldMapping, RefusesBlanksAroundPseudoFields) {
  using Kind = FieldSection::Kind;
  for (const auto& [kind, name, value] :
       {std::tuple(Kind::request, ":method", "GET "), std::tuple(Kind::request, ":path", "/x "),
        std::tuple(Kind::request, ":scheme", "http\t"),
        std::tuple(Kind::request, ":authority", " h"),
        std::tuple(Kind::response, ":status", "200 ")}) {
    const FieldSection section = section_of(kind, {{name, value}});
    ASSERT_TRUE(section.problem()) << name;
    EXPECT_EQ(std::string(section.problem()),
              std::string("a blank at the edge of a pseudo-field: ") + name);
  }
}

TEST(FieldMapping, NamesTheInvalidField) {
  const auto problem_of = [](std::string_view name, std::string_view value) {
    const FieldSection section = section_of(FieldSection::Kind::trailers, {{name, value}});
    return std::string(section.problem());
  };
  EXPECT_EQ(problem_of("x-note", "a\nb"), "a byte that is not allowed in a field value: x-note");
  EXPECT_EQ(problem_of("x\r\n\"y", "a"), "a field name that is not a lower-case token: x??\"y");
  EXPECT_EQ(problem_of(std::string(70, 'X'), "a"),
            "a field name that is not a lower-case token: " + std::string(64, 'X') + "...");
}

TEST(FieldMapping, AcceptsTeTrailers) {
  auto request = request_of(with({{"te", "trailers"}}));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->headers().has_token("te", "trailers"));
}

TEST(FieldMapping, CountsFieldsAsHttp1DoesAndAuthorityAsHost) {
  FieldLimits limits;
  limits.max_fields = 2;
  EXPECT_TRUE(request_of(with({{"a", ""}}), limits));
  const auto fields = request_of(with({{"a", ""}, {"cookie", "x"}}), limits);
  ASSERT_FALSE(fields);
  EXPECT_TRUE(fields.error().is(Errc::head_too_large));
  limits.max_fields = 100;
  limits.max_bytes = std::string_view("hosthab").size() + 2 * 32;
  EXPECT_TRUE(request_of(with({{"a", "b"}}), limits));
  const auto bytes = request_of(with({{"a", "bc"}}), limits);
  ASSERT_FALSE(bytes);
  EXPECT_TRUE(bytes.error().is(Errc::head_too_large));
}

TEST(FieldMapping, LimitsMethodAndPathLikeARequestLine) {
  FieldLimits limits;
  limits.max_start_line = std::string_view("GET /abc HTTP/1.1").size();
  const auto get = [&limits](const char* path) {
    return request_of({kMethod, kScheme, kAuthority, {":path", path}}, limits);
  };
  EXPECT_TRUE(get("/abc"));
  const auto longer = get("/abcd");
  ASSERT_FALSE(longer);
  EXPECT_TRUE(longer.error().is(Errc::request_line_too_long)) << longer.error().to_string();
}

TEST(FieldMapping, RefusesConnect) {
  const auto plain = request_of({{":method", "CONNECT"}, {":authority", "h:443"}});
  ASSERT_FALSE(plain);
  EXPECT_TRUE(plain.error().is(Errc::unsupported_method));
  const auto other = request_of(
      {{":method", "CONNECT"}, {":protocol", "connect-udp"}, kScheme, kAuthority, kPath});
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().is(Errc::unsupported_method));
}

TEST(FieldMapping, MapsAWebSocketToAnUpgrade) {
  auto request = request_of({{":method", "CONNECT"},
                             {":protocol", "websocket"},
                             kScheme,
                             kAuthority,
                             {":path", "/chat"},
                             {"sec-websocket-key", "forged"},
                             {"sec-websocket-version", "13"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method(), Method::get);
  EXPECT_TRUE(request->headers().has_token("connection", "upgrade"));
  EXPECT_EQ(request->headers().get("upgrade"), "websocket");
  const auto keys = request->headers().get_all("sec-websocket-key");
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].size(), 24u);
  EXPECT_TRUE(keys[0].ends_with("=="));
}

TEST(FieldMapping, BuildsAResponse) {
  auto response =
      section_of(FieldSection::Kind::response, {{":status", "404"}, {"a", "b"}}).take_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status(), Status::not_found);
  EXPECT_EQ(response->headers().get("a"), "b");
}

// HTTP/1 accepts the same statuses.
TEST(FieldMapping, AcceptsStatusesFrom100To599) {
  for (const char* code : {"100", "103", "199", "200", "299", "451", "599"}) {
    const auto response =
        section_of(FieldSection::Kind::response, {{":status", code}}).take_response();
    ASSERT_TRUE(response) << code;
    EXPECT_EQ(std::to_string(response->status().code()), code);
  }
}

TEST(FieldMapping, RefusesMalformedResponses) {
  const std::vector<Lines> malformed = {{},
                                        {{"a", "b"}},
                                        {{":status", "20"}},
                                        {{":status", "2000"}},
                                        {{":status", "2x0"}},
                                        {{":status", "099"}},
                                        {{":status", "600"}},
                                        {{":status", "999"}},
                                        {{":status", "101"}},
                                        {{":status", "200"}, {":status", "200"}},
                                        {{":status", "200"}, {":path", "/"}},
                                        {{":status", "200"}, {"connection", "close"}},
                                        {{":status", "200"}, {"te", "trailers"}},
                                        {{":status", "200"}, {"a", "b\nc"}},
                                        {{":status", "200"}, {"content-length", "x"}}};
  for (const Lines& lines : malformed) {
    const auto response = section_of(FieldSection::Kind::response, lines).take_response();
    ASSERT_FALSE(response) << shown(lines).size();
    EXPECT_TRUE(response.error().is(Errc::bad_response));
  }
}

TEST(FieldMapping, DropsFieldsForbiddenInTrailers) {
  auto trailers = section_of(FieldSection::Kind::trailers,
                             {{"grpc-status", "0"}, {"content-length", "5"}, {"host", "h"}})
                      .take_trailers();
  ASSERT_TRUE(trailers);
  EXPECT_EQ(trailers->size(), 1u);
  EXPECT_FALSE(section_of(FieldSection::Kind::trailers, {{":status", "200"}}).take_trailers());
}

TEST(FieldMapping, WritesAResponseInLowerCaseWithoutHopByHopFields) {
  const Headers headers{
      {"Content-Type", "text/plain"},   {"X-Mixed-Case", "V"},    {"x-low", "1"},
      {"Connection", "close"},          {"Keep-Alive", "5"},      {"Upgrade", "x"},
      {"Transfer-Encoding", "chunked"}, {"Content-Length", "99"}, {"TE", "trailers"}};
  const ArenaRef memory = Arena::create();
  FieldList fields;
  ResponseFraming framing;
  framing.length = 7;
  framing.date = "today";
  write_response(Status(207), headers, framing, *memory, fields);
  EXPECT_THAT(shown(fields),
              ElementsAre(":status: 207", "content-type: text/plain", "x-mixed-case: V", "x-low: 1",
                          "content-length: 7", "date: today"));
}

TEST(FieldMapping, WritesARequest) {
  Request request(Method::put, *Url::parse("h2c://up:81/p?q"),
                  Headers{{"Host", "client.example"}, {"TE", "trailers"}, {"X-A", "1"}});
  const ArenaRef memory = Arena::create();
  FieldList fields;
  RequestFraming framing;
  framing.length = 3;
  write_request(request, framing, *memory, fields);
  EXPECT_THAT(shown(fields),
              ElementsAre(":method: PUT", ":scheme: http", ":authority: client.example",
                          ":path: /p?q", "x-a: 1", "content-length: 3", "te: trailers"));
}

TEST(FieldMapping, WritesAnExtendedConnect) {
  Request request(Method::get, *Url::parse("h2c://up/ws"),
                  Headers{{"Upgrade", "websocket"},
                          {"Connection", "Upgrade"},
                          {"Sec-WebSocket-Key", "k"},
                          {"Sec-WebSocket-Version", "13"}});
  const ArenaRef memory = Arena::create();
  FieldList fields;
  RequestFraming framing;
  framing.extended_connect = true;
  write_request(request, framing, *memory, fields);
  EXPECT_THAT(shown(fields),
              ElementsAre(":method: CONNECT", ":protocol: websocket", ":scheme: http",
                          ":authority: up", ":path: /ws", "sec-websocket-version: 13"));
}

}  // namespace
}  // namespace onehop::h2
