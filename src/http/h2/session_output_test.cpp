// SPDX-License-Identifier: Apache-2.0
//
// Heads and trailers may have any size, and are never lost silently.

#include "support/failing_allocation.hpp"
#include "support/session_pair.hpp"

#include <new>

namespace onehop::h2 {
namespace {

// Without the option nghttp2 silently drops header blocks over 64 KiB.
TEST(SessionOutput, SendsHeadsAndTrailersOfAnySize) {
  const std::string value(30'000, 'v');
  FieldList large;
  for (const std::string_view name : {"a", "b", "c", "d", "e"})
    large.push_back({name, value});
  SessionLimits limits;
  limits.fields.max_bytes = 200'000;
  Peer server(Role::server, limits);
  Peer client(Role::client, limits);
  TestStream request;
  FieldList head = put();
  head.insert(head.end(), large.begin(), large.end());
  ASSERT_TRUE(client.session_.open(request, head, false));
  request.send_end(large);
  ASSERT_TRUE(server.session_.receive(client.output(), kNow));
  TestStream& served = *server.streams_.at(0);
  ASSERT_TRUE(served.has_trailers());
  EXPECT_EQ(served.take_head()->take_request()->headers().get("e"), value);
  EXPECT_EQ(served.take_trailers()->take_trailers()->get("e"), value);

  head = {{":status", "200"}};
  head.insert(head.end(), large.begin(), large.end());
  served.send_head(head, false);
  served.send_end(large);
  ASSERT_TRUE(client.session_.receive(server.output(), kNow));
  ASSERT_TRUE(request.has_trailers());
  EXPECT_EQ(request.take_head()->take_response()->headers().get("e"), value);
  EXPECT_EQ(request.take_trailers()->take_trailers()->get("e"), value);
}

TEST_F(SessionTest, AnEndWithoutMemoryForItsTrailersIsNotSent) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  TestStream& served = open(true);
  const FieldList trailers = {{"x-sum", "7"}};
  served.send_head({{":status", "200"}}, false);
  served.send("content");
  {
    const FailingAllocation failing(0);
    EXPECT_THROW(served.send_end(trailers), std::bad_alloc);
  }
  EXPECT_TRUE(settle());
  EXPECT_EQ(request_.take_all(), "content");
  EXPECT_FALSE(request_.has_ended());
  served.send_end(trailers);
  EXPECT_TRUE(settle());
  EXPECT_TRUE(request_.has_ended());
  EXPECT_TRUE(request_.has_trailers());
}

// --- messages that cannot be sent --------------------------------------------------------------

class UnsentTest : public ::testing::Test {
 protected:
  static SessionLimits few_bytes() {
    SessionLimits limits;
    limits.max_sent_block = 200;
    return limits;
  }
  const std::string value_ = std::string(300, 'v');
  Peer server_{Role::server, few_bytes()};
  Peer client_{Role::client, few_bytes()};
  TestStream request_;

  TestStream& served() {
    EXPECT_TRUE(client_.session_.open(request_, put(), true));
    EXPECT_TRUE(server_.session_.receive(client_.output(), kNow));
    return *server_.streams_.at(0);
  }
  void expect_reset(const TestStream& served) {
    ASSERT_TRUE(client_.session_.receive(server_.output(), kNow));
    EXPECT_NE(served.send_problem(), nullptr);
    EXPECT_TRUE(served.is_closed());
    EXPECT_TRUE(request_.is_closed());
    EXPECT_EQ(request_.close_code(), ErrorCode::internal_error);
  }
};

TEST_F(UnsentTest, AHeadThatCannotBeSentResetsItsStream) {
  TestStream& stream = served();
  stream.send_head({{":status", "200"}, {"a", value_}}, false);
  stream.send("content");
  expect_reset(stream);
}

TEST_F(UnsentTest, AnInterimHeadThatCannotBeSentResetsItsStream) {
  TestStream& stream = served();
  stream.send_informational({{":status", "103"}, {"a", value_}});
  expect_reset(stream);
}

TEST_F(UnsentTest, TrailersThatCannotBeSentResetTheirStream) {
  TestStream& stream = served();
  stream.send_head({{":status", "200"}}, false);
  stream.send_end({{"a", value_}});
  expect_reset(stream);
}

TEST_F(UnsentTest, ARequestThatCannotBeSentFailsWithoutAReset) {
  FieldList head = put();
  head.push_back({"a", value_});
  ASSERT_TRUE(client_.session_.open(request_, head, true));
  ASSERT_TRUE(server_.session_.receive(client_.output(), kNow));
  EXPECT_TRUE(server_.streams_.empty());
  EXPECT_TRUE(request_.is_closed());
  EXPECT_NE(request_.send_problem(), nullptr);
  TestStream next;
  ASSERT_TRUE(client_.session_.open(next, put(), true));
  ASSERT_TRUE(server_.session_.receive(client_.output(), kNow)) << "no reset of an idle stream";
  EXPECT_EQ(server_.streams_.size(), 1u);
}

}  // namespace
}  // namespace onehop::h2
