// SPDX-License-Identifier: Apache-2.0
//
// Interim responses: how many may arrive, and the memory of those not taken or not sent yet.

#include "base/held_memory.hpp"
#include "support/h2_frames.hpp"
#include "support/session_pair.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace onehop::h2 {
namespace {

const FieldList kGet = {
    {":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};

std::size_t held() {
  report_held_memory();
  return held_memory();
}

// A client whose server sends hand-written frames.
class ReceivedInterimTest : public ::testing::Test {
 protected:
  ReceivedInterimTest() {
    EXPECT_TRUE(client_.session_.open(request_, kGet, true));
    client_.output();
    receive(h2_frames::frame(h2_frames::settings, 0, 0));
    before_ = held();
  }
  void receive(std::string_view data) {
    EXPECT_TRUE(client_.session_.receive(data, kNow));
    client_.session_.deliver_events();
  }
  static std::string interim(std::size_t size) {
    const std::string value(size, 'v');
    return h2_frames::head(1, h2_frames::block({{":status", "103"}, {"a", value}}), false);
  }
  static std::string final_head() {
    return h2_frames::head(1, h2_frames::block({{":status", "200"}}), true);
  }
  std::size_t take_all() {
    std::size_t taken = 0;
    while (request_.has_head()) {
      const auto head = request_.take_head();
      if (!head->is_informational()) break;
      ++taken;
    }
    return taken;
  }

  Peer client_{Role::client, {}};
  TestStream request_;
  std::size_t before_ = 0;
};

TEST_F(ReceivedInterimTest, CountsABurstAsItArrives) {
  // Each interim response has 20 references to one field of 3,000 bytes in the HPACK table.
  const std::string status = h2_frames::block({{":status", "103"}});
  std::string data = h2_frames::head(
      1, status + "\x40\x01" + "a" + h2_frames::hpack_length(3000) + std::string(3000, 'v'), false);
  const std::string one = h2_frames::head(1, status + std::string(20, '\xbe'), false);
  for (int i = 0; i < 20'000; ++i)
    data += one;
  receive(data);
  EXPECT_LT(held(), before_ + 512 * 1024);
  EXPECT_STREQ(request_.problem(), "too many 1xx responses");
  client_.output();
  EXPECT_TRUE(request_.is_closed());
}

TEST_F(ReceivedInterimTest, AcceptsTheLimitAndRejectsOneMore) {
  for (std::size_t i = 0; i < SessionLimits().max_informational; ++i)
    receive(interim(10));
  EXPECT_EQ(request_.problem(), nullptr);
  receive(interim(10));
  EXPECT_STREQ(request_.problem(), "too many 1xx responses");
}

TEST_F(ReceivedInterimTest, LimitsQueuedResponses) {
  constexpr std::size_t kSize = 30'000;
  for (int i = 0; i < 30; ++i)
    receive(interim(kSize));
  receive(final_head());
  EXPECT_LT(held(), before_ + 4 * kMaxInterim);
  EXPECT_EQ(take_all(), kMaxInterim / kSize + 1) << "one that has begun is kept";
  EXPECT_TRUE(request_.has_ended());
}

TEST_F(ReceivedInterimTest, FreesTheirMemoryOnceTaken) {
  for (int i = 0; i < 60; ++i) {
    receive(interim(50'000));
    EXPECT_EQ(take_all(), 1u);
  }
  EXPECT_LT(held(), before_ + 4 * kMaxInterim);
  receive(final_head());
  EXPECT_EQ(request_.take_head()->status(), "200");
}

// --- interim responses to send -----------------------------------------------------------------

class SentInterimTest : public SessionTest {
 protected:
  TestStream& served() {
    EXPECT_TRUE(client_.session_.open(request_, kGet, true));
    EXPECT_TRUE(settle());
    return *server_.streams_.back();
  }
  // Returns how many interim responses have reached the client since the last call.
  std::size_t arrived() {
    EXPECT_TRUE(settle());
    std::size_t count = 0;
    while (request_.has_head()) {
      request_.take_head();
      ++count;
    }
    return count;
  }
  // Sends an interim response, whose text is destroyed before this returns.
  static bool send(TestStream& stream) {
    const std::string value(kSize, 'v');
    return stream.send_informational({{":status", "103"}, {"a", value}});
  }
  static constexpr std::size_t kSize = 10'000;
};

TEST_F(SentInterimTest, LimitsUnreadResponsesAndDropsTheRest) {
  TestStream& stream = served();
  const std::size_t before = held();
  std::size_t accepted = 0;
  for (int i = 0; i < 1000; ++i)
    accepted += send(stream) ? 1 : 0;
  EXPECT_LT(held(), before + 4 * kMaxInterim);
  EXPECT_EQ(accepted, kMaxInterim / kSize);
  EXPECT_EQ(arrived(), kMaxInterim / kSize);
  send(stream);
  EXPECT_EQ(arrived(), 1u) << "there is room again";
  stream.send_head({{":status", "200"}}, true);
  EXPECT_EQ(arrived(), 1u);
}

// The upstreams of many requests send interim responses while the client pauses. The frames that
// are then queued are not a flood of the client.
TEST(SentInterim, IsNotCountedAsAFloodByTheClient) {
  Peer server(Role::server, {});
  Peer client(Role::client, {});
  std::vector<std::unique_ptr<TestStream>> requests(40);
  for (auto& request : requests) {
    request = std::make_unique<TestStream>();
    ASSERT_TRUE(client.session_.open(*request, kGet, true));
  }
  ASSERT_TRUE(settle(client, server));
  ASSERT_EQ(server.streams_.size(), requests.size());
  for (const auto& stream : server.streams_) {
    for (std::size_t i = 0; i < SessionLimits().max_informational; ++i)
      stream->send_informational({{":status", "103"}});
  }
  client.session_.ping();
  EXPECT_TRUE(server.session_.receive(client.output(), kNow));
}

TEST_F(SentInterimTest, FreesTheirMemoryOnceSent) {
  TestStream& stream = served();
  const std::size_t before = held();
  for (int i = 0; i < 60; ++i) {
    send(stream);
    EXPECT_EQ(arrived(), 1u);
  }
  EXPECT_LT(held(), before + 4 * kMaxInterim);
}

}  // namespace
}  // namespace onehop::h2
