// SPDX-License-Identifier: Apache-2.0
//
// The parts of windows that a receiver returns, and those that it keeps.
#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"
#include "support/h2_frames.hpp"
#include "support/session_pair.hpp"
#include "support/short_of_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

constexpr std::size_t kPiece = 40'000;

// A client that sends hand-written frames.
class SessionWindowsTest : public ::testing::Test {
 protected:
  explicit SessionWindowsTest(const SessionLimits& given = limits())
      : server_(Role::server, given) {
    report_promised_memory();
    before_ = promised_memory();
    receive(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0));
    server_.output();
    receive(h2_frames::frame(h2_frames::settings, h2_frames::kAck, 0));
    open(1);
  }
  ~SessionWindowsTest() override { set_memory_ceiling(kNoMemoryCeiling); }

  void receive(const std::string& data) {
    EXPECT_TRUE(server_.session_.receive(data, kNow));
    server_.session_.deliver_events();
  }
  // Opens a POST without a content length.
  void open(std::uint32_t id) {
    const std::string head = h2_frames::block(
        {{":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
    receive(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, id, head));
    server_.output();
  }
  void send_piece(std::uint32_t stream = 1, std::size_t left = kPiece) {
    std::string data;
    while (left > 0) {
      const std::size_t size = std::min<std::size_t>(left, 10'000);
      data += h2_frames::frame(h2_frames::data, 0, stream, std::string(size, 'x'));
      left -= size;
    }
    receive(data);
  }
  // Returns how many bytes of a window, by default the connection's, the server has returned since
  // the last call.
  std::size_t given_back(std::uint32_t stream = 0) {
    std::string output = server_.output();
    std::size_t sum = 0;
    for (const h2_frames::Frame& frame : h2_frames::take_frames(output)) {
      if (frame.type != h2_frames::window_update || frame.stream != stream) continue;
      std::size_t more = 0;
      for (const char byte : frame.payload)
        more = more << 8U | static_cast<unsigned char>(byte);
      sum += more;
    }
    return sum;
  }
  static SessionLimits limits() {
    SessionLimits limits;
    limits.connection_window = 65'535;  // as small as any session's
    return limits;
  }

  std::size_t before_ = 0;  // promised
  Peer server_;
};

// The window is so small that the receiver returns each piece at once.
class StreamWindowsTest : public SessionWindowsTest {
 protected:
  StreamWindowsTest() : SessionWindowsTest(small_limits()) {}
  static SessionLimits small_limits() {
    SessionLimits small = limits();
    small.stream_window = 65'535;
    return small;
  }
};

TEST_F(SessionWindowsTest, ReturnsConnectionWindowForUnreadContent) {
  send_piece();
  EXPECT_EQ(given_back(), kPiece);
}

TEST_F(SessionWindowsTest, ReturnsConnectionWindowWhileMemoryIsShort) {
  set_memory_ceiling(0);
  for (int i = 0; i < 5; ++i) {
    send_piece();
    EXPECT_EQ(given_back(), kPiece);
  }
}

// The bytes that the peer may still send count against the memory ceiling.
TEST_F(SessionWindowsTest, PromisesMemoryForTheOpenWindow) {
  const auto promised = [this] {
    report_promised_memory();
    return promised_memory() - before_;
  };
  EXPECT_EQ(promised(), SessionLimits().stream_window) << "of the stream that is open";
  send_piece();
  EXPECT_EQ(promised(), SessionLimits().stream_window - kPiece);
  EXPECT_EQ(server_.streams_.front()->take_piece(10'000).size(), 10'000u);
  EXPECT_EQ(promised(), SessionLimits().stream_window - kPiece);
  EXPECT_EQ(server_.streams_.front()->take_piece().size(), kPiece - 10'000);
  EXPECT_EQ(promised(), SessionLimits().stream_window - kPiece + 10'000);
  receive(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1, "x"));
  EXPECT_EQ(promised(), 0u);
}

TEST_F(SessionWindowsTest, PromisesNothingForADestroyedStream) {
  server_.streams_.clear();
  report_promised_memory();
  EXPECT_EQ(promised_memory(), before_);
}

// Content that arrives later is not kept.
TEST_F(SessionWindowsTest, PromisesNothingForAStreamThatDropsItsContent) {
  server_.streams_.front()->drop_content();
  report_promised_memory();
  EXPECT_EQ(promised_memory(), before_);
}

TEST_F(SessionWindowsTest, PromisesNothingForAClosedStream) {
  receive(h2_frames::frame(h2_frames::rst_stream, 0, 1, h2_frames::number(8, 4)));
  EXPECT_TRUE(server_.streams_.front()->is_closed());
  report_promised_memory();
  EXPECT_EQ(promised_memory(), before_);
}

TEST_F(SessionWindowsTest, TakesPiecesOfAnySize) {
  send_piece();
  TestStream& stream = *server_.streams_.front();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(stream.has_piece());
    sum += stream.take_piece(12'000).size();
  }
  EXPECT_EQ(sum, kPiece);
  EXPECT_FALSE(stream.has_piece());
  send_piece();
  EXPECT_EQ(stream.take_piece(1).size(), 1u);
  stream.drop_content();
  EXPECT_FALSE(stream.has_piece());
}

// The part of a large piece that was read is freed while the rest is still unread.
TEST_F(SessionWindowsTest, FreesTheReadPartOfALargePiece) {
  const std::size_t window = SessionLimits().stream_window;
  // Sends in steps that fit the connection's window.
  const auto send = [this](std::size_t size) {
    while (size > 0) {
      const std::size_t step = std::min<std::size_t>(size, 30'000);
      send_piece(1, step);
      server_.output();
      size -= step;
    }
  };
  report_held_memory();
  const std::size_t before = held_memory();
  send(window);
  TestStream& stream = *server_.streams_.front();
  for (std::size_t taken = 0; taken < window - 10'000;)
    taken += stream.take_piece(8'000).size();
  EXPECT_GE(given_back(1), window / 2);
  send(window / 2);
  report_held_memory();
  EXPECT_LT(held_memory(), before + window + 64 * 1024);
}

// The stream has been reset, but the client does not know yet.
TEST_F(SessionWindowsTest, ReturnsWindowForADestroyedStream) {
  server_.streams_.clear();
  send_piece();
  EXPECT_EQ(given_back(), kPiece);
}

// Content may arrive between the end of the stream and its reset. If its bytes were not returned,
// each such upload would permanently shrink the connection's window.
TEST_F(SessionWindowsTest, ReturnsWindowForContentThatArrivesBeforeTheReset) {
  for (const std::uint32_t id : {1u, 3u, 5u}) {
    if (id > 1) open(id);
    send_piece(id, kPiece / 2);
    server_.streams_.clear();
    send_piece(id, kPiece / 2);
    ASSERT_EQ(given_back(), kPiece) << id;
  }
}

TEST_F(SessionWindowsTest, ReturnsWindowForTheRestOfAFrameOfADestroyedStream) {
  const std::string frame = h2_frames::frame(h2_frames::data, 0, 1, std::string(16'000, 'x'));
  send_piece(1, 30'000);
  receive(frame.substr(0, 1000));
  server_.streams_.clear();
  receive(frame.substr(1000));
  EXPECT_EQ(given_back(), 46'000u);
}

// Once the rest is dropped, a piece that was taken counts as read, so that the client may send as
// much again.
TEST_F(StreamWindowsTest, DroppingTheContentReturnsWindowForATakenPiece) {
  send_piece();
  server_.output();
  TestStream& stream = *server_.streams_.front();
  EXPECT_EQ(stream.take_piece().size(), kPiece);
  EXPECT_EQ(given_back(1), 0u) << "somebody may still be reading it";
  stream.drop_content();
  EXPECT_EQ(given_back(1), kPiece);
}

TEST_F(StreamWindowsTest, DroppingTheContentReturnsWindowForUnreadPieces) {
  send_piece();
  server_.output();
  TestStream& stream = *server_.streams_.front();
  EXPECT_EQ(stream.take_piece().size(), kPiece);
  send_piece(1, kPiece / 2);
  stream.drop_content();
  EXPECT_EQ(given_back(1), kPiece + kPiece / 2);
}

// One side sends on many streams. The test decides what the other side reads.
class ManyStreamsTest : public ::testing::TestWithParam<Role> {
 protected:
  static constexpr std::size_t kStreams = 128;
  static SessionLimits limits() {
    SessionLimits limits;
    limits.max_streams = kStreams;
    return limits;
  }
  bool settle() { return h2::settle(client_, server_); }

  // Opens another stream. Reports whether both ends have it.
  bool open() {
    requests_.push_back(std::make_unique<TestStream>());
    const FieldList request = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/p"}};
    if (!client_.session_.open(*requests_.back(), request, false) || !settle()) return false;
    if (GetParam() == Role::client) server_.streams_.back()->send_head({{":status", "200"}}, false);
    return settle() && server_.streams_.size() == requests_.size();
  }
  // The ends of stream `i`: the sender's, and the reader's, which has the role under test.
  TestStream& sender(std::size_t i) {
    return GetParam() == Role::server ? *requests_[i] : *server_.streams_[i];
  }
  TestStream& reader(std::size_t i) {
    return GetParam() == Role::server ? *server_.streams_[i] : *requests_[i];
  }

  Peer server_{Role::server, limits()};
  Peer client_{Role::client, limits()};
  std::vector<std::unique_ptr<TestStream>> requests_;
};

INSTANTIATE_TEST_SUITE_P(Roles,
                         ManyStreamsTest,
                         ::testing::Values(Role::server, Role::client),
                         [](const auto& tested) {
                           return tested.param == Role::server ? "Uploads" : "Downloads";
                         });

// The maximum number of streams: all but one hold a full window, 32 MiB in all.
TEST_P(ManyStreamsTest, UnreadStreamsDoNotBlockAnother) {
  const std::string content(std::size_t{1} << 20, 'x');
  for (std::size_t i = 0; i + 1 < kStreams; ++i) {
    ASSERT_TRUE(open());
    sender(i).send(content);
  }
  ASSERT_TRUE(settle());
  for (std::size_t i = 0; i + 1 < kStreams; ++i)
    ASSERT_EQ(reader(i).received(), limits().stream_window);
  ASSERT_TRUE(open());
  sender(kStreams - 1).send(content);
  sender(kStreams - 1).send_end({});
  std::size_t got = 0;
  while (!reader(kStreams - 1).has_ended()) {
    ASSERT_TRUE(settle());
    const std::size_t more = reader(kStreams - 1).take_all().size();
    ASSERT_GT(more, 0u);
    got += more;
  }
  EXPECT_EQ(got, content.size());
}

// The bound that docs/operating.md states for the unread content of one connection.
TEST_P(ManyStreamsTest, ReadersThatStopHoldNoMoreThanTheDocumentedLimit) {
  static constexpr std::size_t kFast = 8;
  for (std::size_t i = 0; i < kFast; ++i) {
    ASSERT_TRUE(open());
    sender(i).send(std::string(std::size_t{24} << 20, 'x'));
    for (int turn = 0; turn < 12; ++turn) {
      ASSERT_TRUE(settle());
      reader(i).take_all();
    }
  }
  std::size_t unread = 0;
  for (std::size_t i = 0; i < kStreams; ++i) {
    if (i >= kFast) {
      ASSERT_TRUE(open());
    }
    const std::uint64_t before = reader(i).received();
    sender(i).send(std::string(i < kFast ? std::size_t{5} << 20 : std::size_t{300} << 10, 'x'));
    ASSERT_TRUE(settle());
    unread += reader(i).received() - before;
  }
  EXPECT_LE(unread, kStreams * limits().stream_window + kMaxGranted);
  EXPECT_GT(unread, limits().stream_window * kStreams + (std::size_t{8} << 20)) << "none has grown";
}

// A stream that ends returns its part of the total by which windows may grow.
TEST_P(ManyStreamsTest, AStreamThatEndsReturnsItsWindowGrowth) {
  for (std::size_t i = 0; i < 12; ++i) {
    ASSERT_TRUE(open());
    sender(i).send(std::string(std::size_t{12} << 20, 'x'));
    std::size_t max = 0;
    for (int turn = 0; turn < 8; ++turn) {
      ASSERT_TRUE(settle());
      max = std::max(max, reader(i).take_all().size());
    }
    ASSERT_EQ(max, std::size_t{kMaxStreamWindow}) << i;
    if (i % 2 == 0) {  // both sides end it
      sender(i).send_end({});
      if (GetParam() == Role::server) {
        reader(i).send_head({{":status", "200"}}, true);
      } else {
        reader(i).send_end({});
      }
    } else {  // the reader is destroyed
      (GetParam() == Role::server ? server_.streams_[i] : requests_[i]).reset();
    }
    ASSERT_TRUE(settle());
  }
}

TEST_P(ManyStreamsTest, ASlowReaderGetsNoLargerWindow) {
  ASSERT_TRUE(open());
  sender(0).send(std::string(std::size_t{8} << 20, 'x'));
  std::size_t taken = 0;
  for (int turn = 0; turn < 64; ++turn) {
    ASSERT_TRUE(settle());
    ASSERT_LE(reader(0).received() - taken, limits().stream_window);
    taken += reader(0).take_piece(std::size_t{64} << 10).size();
  }
  EXPECT_EQ(taken, std::size_t{4} << 20);
}

// The peer enlarges its window in small steps, so that some content is always unsent.
TEST(SessionMemory, FreesSentContent) {
  static constexpr std::size_t kStep = 10'000;
  Peer server(Role::server, {});
  const std::string head = h2_frames::block(
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
  ASSERT_TRUE(server.session_.receive(
      std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0) +
          h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1, head),
      kNow));
  TestStream& stream = *server.streams_.front();
  stream.send_head({{":status", "200"}}, false);
  report_held_memory();
  const std::size_t before = held_memory();
  for (int i = 0; i < 2'000; ++i) {
    if (stream.unsent() < 2 * kStep) stream.send(std::string(4 * kStep, 'x'));
    server.output();
    const std::string room = h2_frames::number(kStep, 4);
    ASSERT_TRUE(server.session_.receive(h2_frames::frame(h2_frames::window_update, 0, 1, room) +
                                            h2_frames::frame(h2_frames::window_update, 0, 0, room),
                                        kNow));
  }
  report_held_memory();
  EXPECT_LT(held_memory(), before + (std::size_t{1} << 20)) << "of " << stream.sent();
  EXPECT_GT(stream.sent(), std::uint64_t{19} << 20);
}

// Sends a head with `fields` fields of 133 bytes each. Returns the code of the reset, or "".
std::string reset_for_head_of(std::size_t fields) {
  Peer server(Role::server, {});
  std::string data = std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0);
  const std::string first = h2_frames::block(
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
  data += h2_frames::frame(h2_frames::headers, 0, 1, first);
  const std::string value(100, 'x');
  for (std::size_t left = fields; left > 0;) {
    std::string block;
    for (int i = 0; i < 40 && left > 0; ++i, --left)
      block += h2_frames::block({{"a", value}});
    const std::uint8_t flags = left == 0 ? h2_frames::kEndHeaders : 0;
    data += h2_frames::frame(h2_frames::continuation, flags, 1, block);
  }
  EXPECT_TRUE(server.session_.receive(data, kNow));
  data = server.output();
  for (const h2_frames::Frame& frame : h2_frames::take_frames(data)) {
    if (frame.type == h2_frames::rst_stream) return frame.payload;
  }
  return {};
}

TEST(SessionLimits, ALargeHeadIsRefusedWhileMemoryIsShort) {
  EXPECT_EQ(reset_for_head_of(100), "");
  EXPECT_EQ(reset_for_head_of(200), "");
  const ShortOfMemory short_of_memory;
  EXPECT_EQ(reset_for_head_of(100), "") << "it is no larger than what is promised";
  EXPECT_EQ(reset_for_head_of(200), h2_frames::number(7, 4));  // REFUSED_STREAM
}

TEST(SessionLimits, AFieldThatExceedsTheLimitIsAConnectionError) {
  SessionLimits limits;
  limits.fields.max_start_line = 0;
  limits.fields.max_bytes = 512;
  Peer server(Role::server, limits);
  // One field whose value claims 50,000 bytes.
  const std::string begin = std::string("\0\1a\x7f", 4) + "\xd1\x85\x03";
  const std::string part(10'000, 'x');
  std::string data = std::string(h2_frames::kPreface) +
                     h2_frames::frame(h2_frames::settings, 0, 0) +
                     h2_frames::frame(h2_frames::headers, 0, 1, begin + part);
  EXPECT_TRUE(server.session_.receive(data, kNow));
  EXPECT_FALSE(
      server.session_.receive(h2_frames::frame(h2_frames::continuation, 0, 1, part), kNow));
  data = server.output();
  const auto frames = h2_frames::take_frames(data);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, h2_frames::goaway);
  EXPECT_EQ(frames.back().payload.substr(4, 4), h2_frames::number(11, 4));  // ENHANCE_YOUR_CALM
}

// The fault is known early, but the head does not end.
class EndlessHead : public ::testing::TestWithParam<std::string> {};

TEST_P(EndlessHead, IsAConnectionError) {
  Peer server(Role::server, {});
  std::string data = std::string(h2_frames::kPreface) +
                     h2_frames::frame(h2_frames::settings, 0, 0) +
                     h2_frames::frame(h2_frames::headers, 0, 1, GetParam());
  EXPECT_TRUE(server.session_.receive(data, kNow));
  const std::string more(10'000, 'x');
  const std::string next =
      h2_frames::frame(h2_frames::continuation, 0, 1, h2_frames::block({{"a", more}}));
  std::size_t received = 0;
  data = server.output();
  while (received < 1024 * 1024 && server.session_.receive(next, kNow)) {
    received += next.size();
    server.session_.deliver_events();
    data += server.output();
  }
  EXPECT_LT(received, 512u * 1024);
  data += server.output();
  const auto frames = h2_frames::take_frames(data);
  EXPECT_EQ(frames.back().type, h2_frames::goaway);
  EXPECT_EQ(frames.back().payload.substr(4, 4), h2_frames::number(11, 4));  // ENHANCE_YOUR_CALM
}

INSTANTIATE_TEST_SUITE_P(WhateverIsWrong,
                         EndlessHead,
                         ::testing::Values(h2_frames::block({{":method", "GET"}}),
                                           h2_frames::block({{"X-Capital", "a"}}),
                                           h2_frames::block({{"x", "a\nb"}})));

}  // namespace
}  // namespace onehop::h2
