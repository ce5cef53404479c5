// SPDX-License-Identifier: Apache-2.0
//
// Cancelled requests: their cost until the reset is sent, and the rate of resets.

#include "http/h2/cancel_budget.hpp"
#include "support/h2_frames.hpp"
#include "support/session_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace onehop::h2 {
namespace {

using namespace std::chrono_literals;

std::size_t count(const std::vector<h2_frames::Frame>& frames, std::uint8_t type) {
  std::size_t found = 0;
  for (const h2_frames::Frame& frame : frames)
    found += frame.type == type ? 1 : 0;
  return found;
}

class CancelTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kStreams = 100;
  static SessionLimits many_streams() {
    SessionLimits limits;
    limits.max_streams = kStreams;
    return limits;
  }
  CancelTest() { EXPECT_TRUE(settle()); }

  void open_all(bool end) {
    for (std::size_t i = 0; i < kStreams; ++i) {
      requests_.push_back(std::make_unique<TestStream>());
      ASSERT_TRUE(client_.session_.open(*requests_.back(), put(), end));
    }
  }
  // Returns the frames that the client sends.
  std::vector<h2_frames::Frame> said() {
    std::string data = client_.output();
    EXPECT_TRUE(server_.session_.receive(data, kNow));
    server_.session_.deliver_events();
    return h2_frames::take_frames(data);
  }

  Peer server_{Role::server, many_streams()};
  Peer client_{Role::client, {}};
  std::vector<std::unique_ptr<TestStream>> requests_;

  bool settle() {
    for (int i = 0; i < 4; ++i) {
      if (!server_.session_.receive(client_.output(), kNow)) return false;
      if (!client_.session_.receive(server_.output(), kNow)) return false;
    }
    client_.session_.deliver_events();
    server_.session_.deliver_events();
    return true;
  }
};

TEST_F(CancelTest, ARequestCountsUntilItsResetIsSent) {
  open_all(true);
  ASSERT_TRUE(settle());
  requests_.resize(kStreams - 10);
  EXPECT_EQ(client_.session_.streams(), kStreams);
  EXPECT_EQ(count(said(), h2_frames::rst_stream), 10u);
  EXPECT_EQ(client_.session_.streams(), kStreams - 10);
}

TEST_F(CancelTest, ARequestThatWasNeverSentNeedsNoReset) {
  open_all(true);
  requests_.clear();
  EXPECT_EQ(client_.session_.streams(), kStreams) << "nghttp2 still has it";
  EXPECT_TRUE(said().empty());
  EXPECT_EQ(client_.session_.streams(), 0u);
  EXPECT_FALSE(client_.session_.has_withheld_resets());
}

TEST_F(CancelTest, ResetsStayBelowTheFloodLimitOfServers) {
  open_all(true);
  ASSERT_TRUE(settle());
  requests_.clear();
  std::vector<std::size_t> resets;
  for (auto now = kNow; client_.session_.has_withheld_resets(); now += Session::kBetweenResets) {
    ASSERT_LT(now, kNow + 10s);
    client_.session_.release_resets(now);
    resets.push_back(count(said(), h2_frames::rst_stream));
  }
  std::size_t all = 0;
  for (std::size_t i = 0; i < resets.size(); ++i) {
    all += resets[i];
    std::size_t in_a_second = 0;
    for (std::size_t k = i; k < resets.size() && k < i + 1s / Session::kBetweenResets; ++k)
      in_a_second += resets[k];
    EXPECT_LT(in_a_second, 33u);
  }
  EXPECT_EQ(all, kStreams);
  EXPECT_EQ(client_.session_.streams(), 0u);
}

// A DATA frame does not fit into the output, and its stream is destroyed before there is room. The
// frame cannot be sent, so the CANCEL is sent at once, and counts like any other.
TEST_F(CancelTest, AFrameThatDidNotFitEndsItsStreamAndIsCounted) {
  open_all(false);
  ASSERT_TRUE(settle());
  const std::size_t burst = static_cast<std::size_t>(CancelBudget::kBurst);
  requests_.resize(kStreams - burst);  // the budget is used up
  EXPECT_EQ(count(said(), h2_frames::rst_stream), burst);
  TestStream& cut = *requests_.back();
  cut.send(std::string(60'000, 'x'));
  std::vector<char> memory(Session::kMinMemory);
  std::string data(memory.data(), client_.session_.produce(memory));
  ASSERT_GT(cut.unsent(), 0u);
  requests_.pop_back();
  data += client_.output();
  const auto frames = h2_frames::take_frames(data);
  ASSERT_EQ(count(frames, h2_frames::rst_stream), 1u);
  EXPECT_EQ(frames.back().payload, h2_frames::number(8, 4));  // CANCEL
  EXPECT_FALSE(client_.session_.has_withheld_resets());
  // The budget is overdrawn by one: the next reset waits for two.
  requests_.pop_back();
  client_.session_.release_resets(kNow + CancelBudget::kBetween);
  EXPECT_TRUE(client_.session_.has_withheld_resets());
  client_.session_.release_resets(kNow + 2 * CancelBudget::kBetween);
  EXPECT_FALSE(client_.session_.has_withheld_resets());
}

// Otherwise, on a busy connection, withheld resets would never be sent.
TEST_F(CancelTest, ALaterResetWaitsForWithheldResets) {
  open_all(true);
  ASSERT_TRUE(settle());
  std::unique_ptr<TestStream> late = std::move(requests_.back());
  requests_.clear();
  const std::size_t burst = static_cast<std::size_t>(CancelBudget::kBurst);
  EXPECT_EQ(count(said(), h2_frames::rst_stream), burst);
  const auto later = kNow + 1s;  // by then the full burst is available again
  const std::int32_t number = late->id();
  late->cancel_with(ErrorCode::cancel, later);
  late.reset();
  EXPECT_EQ(count(said(), h2_frames::rst_stream), 0u);
  client_.session_.release_resets(later);
  for (const h2_frames::Frame& frame : said())
    EXPECT_NE(frame.stream, static_cast<std::uint32_t>(number));
}

TEST_F(CancelTest, ARequestAnsweredInTheMeantimeNeedsNoReset) {
  open_all(true);
  ASSERT_TRUE(settle());
  requests_.clear();
  const std::size_t sent = count(said(), h2_frames::rst_stream);
  EXPECT_EQ(sent, static_cast<std::size_t>(CancelBudget::kBurst));
  for (const auto& served : server_.streams_) {
    if (served->is_open()) served->send_head({{":status", "204"}}, true);
  }
  ASSERT_TRUE(settle());
  EXPECT_EQ(client_.session_.streams(), 0u);
  EXPECT_FALSE(client_.session_.has_withheld_resets());
}

TEST_F(CancelTest, ARequestWithAWithheldResetNeitherSendsNorGetsWindow) {
  open_all(false);
  ASSERT_TRUE(settle());
  for (const auto& request : requests_)
    request->send("unsent content");
  requests_.clear();
  EXPECT_EQ(count(said(), h2_frames::data), 0u);
  TestStream& served = *server_.streams_.back();
  ASSERT_TRUE(served.is_open());
  served.send_head({{":status", "200"}}, false);
  const std::size_t window = SessionLimits().stream_window;
  served.send(std::string(window + 1, 'x'));
  ASSERT_TRUE(settle());
  EXPECT_EQ(served.unsent(), 1u);
  // The other requests of the connection are not affected.
  TestStream next;
  std::size_t received = 0;
  ASSERT_TRUE(client_.session_.open(next, put(), true));
  ASSERT_TRUE(settle());
  TestStream& other = *server_.streams_.back();
  other.send_head({{":status", "200"}}, false);
  const std::size_t size = 2 * std::size_t{SessionLimits().connection_window};
  for (std::size_t given = 0; given < size; given += window) {
    other.send(std::string(window, 'x'));
    ASSERT_TRUE(settle());
    received += next.take_all().size();
    ASSERT_TRUE(settle());
  }
  EXPECT_EQ(received, size);
}

}  // namespace
}  // namespace onehop::h2
