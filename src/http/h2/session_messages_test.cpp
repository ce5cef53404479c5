// SPDX-License-Identifier: Apache-2.0
//
// Malformed messages (RFC 9113 §8.1.1). A session sends a message as it is submitted; the other end
// must detect the fault.

#include "support/session_pair.hpp"

#include <ostream>

namespace onehop::h2 {
namespace {

struct MessageCase {
  const char* name;
  FieldList head;
  std::string content;
  FieldList trailers;
  const char* problem;  // null if there is none
  const char* method = "GET";
  bool in_two_rounds = false;  // the head is delivered before the rest arrives
};

void PrintTo(const MessageCase& message, std::ostream* out) {
  *out << message.name;
}

class MessageTest : public SessionTest, public ::testing::WithParamInterface<MessageCase> {
 protected:
  static void send(TestStream& from, const MessageCase& message) {
    if (!message.content.empty()) from.send(message.content);
    from.send_end(message.trailers);
  }

  // Expects that a malformed message is dropped and the connection continues.
  void expect_outcome(TestStream& received, const MessageCase& message) {
    EXPECT_STREQ(received.problem(), message.problem);
    if (message.problem) {
      EXPECT_FALSE(received.has_ended());
      EXPECT_FALSE(received.has_head());
      EXPECT_TRUE(received.is_closed());
    } else {
      EXPECT_TRUE(received.has_ended());
      EXPECT_EQ(received.take_all(), message.content);
    }
    TestStream next;
    EXPECT_TRUE(client_.session_.open(next, kGet, true));
    EXPECT_TRUE(settle());
    EXPECT_TRUE(server_.streams_.back()->has_ended());
  }

  static inline const FieldList kGet = {
      {":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
};

std::string name_of_case(const ::testing::TestParamInfo<MessageCase>& tested) {
  return tested.param.name;
}

class RequestMessageTest : public MessageTest {};

TEST_P(RequestMessageTest, IsAcceptedOrItsStreamIsReset) {
  const MessageCase& message = GetParam();
  const bool end = message.content.empty() && message.trailers.empty();
  ASSERT_TRUE(client_.session_.open(request_, message.head, end));
  if (message.in_two_rounds) {
    ASSERT_TRUE(settle());
    ASSERT_TRUE(server_.streams_.back()->take_head());
  }
  if (!end) send(request_, message);
  ASSERT_TRUE(settle());
  expect_outcome(*server_.streams_.back(), message);
  const auto code = message.problem ? ErrorCode::protocol_error : ErrorCode::no_error;
  EXPECT_EQ(request_.close_code(), code);
}

FieldList request(const char* method, FieldList more) {
  FieldList fields = {
      {":method", method}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

INSTANTIATE_TEST_SUITE_P(
    Messages,
    RequestMessageTest,
    ::testing::Values(
        MessageCase{"Whole", request("POST", {{"content-length", "4"}}), "four", {}, nullptr},
        MessageCase{"WithTrailers",
                    request("POST", {{"content-length", "4"}}),
                    "four",
                    {{"x-sum", "1"}},
                    nullptr},
        MessageCase{"WithoutLength", request("POST", {}), "four", {}, nullptr},
        MessageCase{"TooShort",
                    request("POST", {{"content-length", "5"}}),
                    "four",
                    {},
                    "less content than Content-Length"},
        MessageCase{"TooShortBehindItsHead",
                    request("POST", {{"content-length", "5"}}),
                    "four",
                    {},
                    "less content than Content-Length",
                    "POST",
                    true},
        MessageCase{"TooShortWithTrailers",
                    request("POST", {{"content-length", "5"}}),
                    "four",
                    {{"x-sum", "1"}},
                    "less content than Content-Length"},
        MessageCase{"TooLong",
                    request("POST", {{"content-length", "3"}}),
                    "four",
                    {},
                    "more content than Content-Length"},
        MessageCase{"LengthWithoutContent",
                    request("POST", {{"content-length", "3"}}),
                    "",
                    {},
                    "less content than Content-Length"},
        MessageCase{"LengthPastAnyContent",
                    request("POST", {{"content-length", "18446744073709551615"}}),
                    "four",
                    {},
                    "Content-Length is not a valid number"},
        MessageCase{"TwoLengths",
                    request("POST", {{"content-length", "4"}, {"content-length", "4"}}),
                    "four",
                    {},
                    "Content-Length twice"},
        MessageCase{"PseudoFieldInTrailers",
                    request("POST", {}),
                    "four",
                    {{":path", "/"}},
                    "an unexpected pseudo-field"},
        MessageCase{"ConnectionFieldInTrailers",
                    request("POST", {}),
                    "four",
                    {{"connection", "close"}},
                    "a connection-specific field: connection"},
        MessageCase{"NoMethod",
                    {{":scheme", "http"}, {":authority", "h"}, {":path", "/"}},
                    "",
                    {},
                    "no :method"},
        MessageCase{"NoPath",
                    {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}},
                    "",
                    {},
                    "no :path"},
        MessageCase{"NoHost",
                    {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}},
                    "",
                    {},
                    "neither :authority nor Host"},
        MessageCase{"ConnectWithPath",
                    {{":method", "CONNECT"}, {":authority", "h"}, {":path", "/"}},
                    "",
                    {},
                    "CONNECT with the wrong pseudo-fields"},
        MessageCase{
            "BareConnect", {{":method", "CONNECT"}, {":authority", "h:1"}}, "", {}, nullptr},
        MessageCase{"ExtendedConnectWithoutAuthority",
                    {{":method", "CONNECT"},
                     {":scheme", "http"},
                     {":path", "/"},
                     {":protocol", "websocket"},
                     {"host", "h"}},
                    "",
                    {},
                    "an extended CONNECT without :authority"},
        MessageCase{"ProtocolOfAGet",
                    {{":method", "GET"},
                     {":scheme", "http"},
                     {":authority", "h"},
                     {":path", "/"},
                     {":protocol", "websocket"}},
                    "",
                    {},
                    ":protocol without CONNECT"}),
    name_of_case);

TEST_F(SessionTest, ATakenPieceOutlivesALaterFault) {
  const std::string length = "1000";
  TestStream& served = open(false, {{"content-length", length}});
  const std::string content(1000, 'x');
  request_.send(content);
  ASSERT_TRUE(settle());
  const std::string_view piece = served.take_piece();
  request_.send("more");
  ASSERT_TRUE(settle());
  EXPECT_STREQ(served.problem(), "more content than Content-Length");
  EXPECT_EQ(piece, content);
}

class ResponseMessageTest : public MessageTest {};

TEST_P(ResponseMessageTest, IsAcceptedOrItsStreamIsReset) {
  const MessageCase& message = GetParam();
  FieldList asked = request(message.method, {});
  if (asked.front().value == "CONNECT") {
    asked.insert(asked.begin() + 4, {":protocol", "websocket"});
  }
  ASSERT_TRUE(client_.session_.open(request_, asked, true));
  ASSERT_TRUE(settle());
  TestStream& served = *server_.streams_.back();
  const bool end = message.content.empty() && message.trailers.empty();
  served.send_head(message.head, end);
  if (message.in_two_rounds) {
    ASSERT_TRUE(settle());
    ASSERT_TRUE(request_.take_head());
  }
  if (!end) send(served, message);
  ASSERT_TRUE(settle());
  expect_outcome(request_, message);
}

INSTANTIATE_TEST_SUITE_P(
    Messages,
    ResponseMessageTest,
    ::testing::Values(
        MessageCase{"Whole", {{":status", "200"}, {"content-length", "4"}}, "four", {}, nullptr},
        MessageCase{"TooShort",
                    {{":status", "200"}, {"content-length", "5"}},
                    "four",
                    {},
                    "less content than Content-Length"},
        MessageCase{"TooShortBehindItsHead",
                    {{":status", "200"}, {"content-length", "5"}},
                    "four",
                    {},
                    "less content than Content-Length",
                    "GET",
                    true},
        MessageCase{"TooLong",
                    {{":status", "200"}, {"content-length", "3"}},
                    "four",
                    {},
                    "more content than Content-Length"},
        MessageCase{"LengthPastAnyContent",
                    {{":status", "200"}, {"content-length", "18446744073709551615"}},
                    "four",
                    {},
                    "Content-Length is not a valid number"},
        MessageCase{"LengthWithoutContent",
                    {{":status", "200"}, {"content-length", "4"}},
                    "",
                    {},
                    "less content than Content-Length"},
        MessageCase{"LengthOfAnAnswerToHead",
                    {{":status", "200"}, {"content-length", "4"}},
                    "",
                    {},
                    nullptr,
                    "HEAD"},
        MessageCase{"ContentOfAnAnswerToHead",
                    {{":status", "200"}, {"content-length", "4"}},
                    "four",
                    {},
                    "more content than Content-Length",
                    "HEAD"},
        MessageCase{"LengthOfA304", {{":status", "304"}, {"content-length", "4"}}, "", {}, nullptr},
        MessageCase{
            "ContentOfA304", {{":status", "304"}}, "four", {}, "more content than Content-Length"},
        MessageCase{
            "ContentOfA204", {{":status", "204"}}, "x", {}, "more content than Content-Length"},
        MessageCase{"LengthOfA204", {{":status", "204"}, {"content-length", "4"}}, "", {}, nullptr},
        MessageCase{
            "EmptyLengthOfA204", {{":status", "204"}, {"content-length", "0"}}, "", {}, nullptr},
        MessageCase{"LengthOfATunnel",
                    {{":status", "200"}, {"content-length", "1"}},
                    "four",
                    {},
                    nullptr,
                    "CONNECT"},
        MessageCase{"LengthOfARefusedTunnel",
                    {{":status", "403"}, {"content-length", "1"}},
                    "four",
                    {},
                    "more content than Content-Length",
                    "CONNECT"},
        MessageCase{"EndOfAnInformationalOne",
                    {{":status", "103"}},
                    "",
                    {},
                    "the stream ended before the final head"},
        MessageCase{"ContentOfAnInformationalOne",
                    {{":status", "103"}},
                    "four",
                    {},
                    "content before the head"},
        MessageCase{"LengthOfAnInformationalOne",
                    {{":status", "103"}, {"content-length", "4"}},
                    "",
                    {},
                    "a Content-Length in a message without content"},
        MessageCase{"SwitchingProtocols", {{":status", "101"}}, "", {}, "a 101 over HTTP/2"},
        MessageCase{"NoStatus", {{"x-a", "1"}}, "", {}, ":status is outside 100 to 599"},
        MessageCase{"PseudoFieldInTrailers",
                    {{":status", "200"}},
                    "four",
                    {{":status", "200"}},
                    "an unexpected pseudo-field"}),
    name_of_case);

}  // namespace
}  // namespace onehop::h2
