// SPDX-License-Identifier: Apache-2.0

#include "support/h2_frames.hpp"
#include "support/session_pair.hpp"
#include "support/short_of_memory.hpp"

namespace onehop::h2 {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_F(SessionTest, CarriesARequestAndItsResponse) {
  TestStream& served = open(true, {{"x-a", "1"}});
  auto head = served.take_head();
  ASSERT_TRUE(head);
  auto request = head->take_request();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->headers().get("x-a"), "1");
  EXPECT_TRUE(served.at_end());

  served.send_head({{":status", "200"}, {"x-b", "2"}}, false);
  served.send("hello");
  served.send_end({{"x-sum", "3"}});
  ASSERT_TRUE(settle());
  auto answer = request_.take_head()->take_response();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers().get("x-b"), "2");
  EXPECT_EQ(request_.take_all(), "hello");
  EXPECT_TRUE(request_.at_end());
  auto trailers = request_.take_trailers()->take_trailers();
  ASSERT_TRUE(trailers);
  EXPECT_EQ(trailers->get("x-sum"), "3");
  EXPECT_TRUE(request_.is_closed());
  EXPECT_TRUE(served.is_closed());
  EXPECT_EQ(served.close_code(), ErrorCode::no_error);
  EXPECT_EQ(server_.session_.streams(), 0u);
}

TEST_F(SessionTest, SendsHeadContentAndEndInOneOutput) {
  TestStream& served = open(true);
  served.send_head({{":status", "200"}}, false);
  served.send("hi");
  served.send_end({});
  const std::string out = server_.output();
  // HEADERS of one byte, then DATA of two with END_STREAM.
  EXPECT_EQ(out.size(), 9u + 1 + 9 + 2);
  EXPECT_EQ(out[9 + 1 + 4], '\x01');
}

TEST_F(SessionTest, AResponseWithoutContentEndsWithItsHead) {
  TestStream& served = open(true);
  served.send_head({{":status", "200"}, {"grpc-status", "5"}}, true);
  const std::string out = server_.output();
  EXPECT_EQ(out[3], '\x01');  // HEADERS
  EXPECT_EQ(out[4], '\x05');  // END_HEADERS and END_STREAM
  EXPECT_EQ(out.size(), 9u + static_cast<unsigned char>(out[2]));
}

TEST_F(SessionTest, InformationalHeadsComeFirst) {
  TestStream& served = open(true);
  served.send_informational({{":status", "103"}, {"link", "</a>"}});
  served.send_head({{":status", "200"}}, true);
  ASSERT_TRUE(settle());
  EXPECT_EQ(request_.take_head()->take_response()->status(), Status::early_hints);
  EXPECT_EQ(request_.take_head()->take_response()->status(), Status::ok);
  EXPECT_FALSE(request_.has_head());
}

TEST_F(SessionTest, ContentWaitsForItsReader) {
  TestStream& served = open(false);
  const std::string content(1024 * 1024, 'x');
  request_.send(content);
  request_.send_end({});
  ASSERT_TRUE(settle());
  EXPECT_EQ(served.received(), limits().stream_window);
  EXPECT_GT(request_.unsent(), 0u);
  std::string got;
  while (!served.at_end()) {
    got += served.take_all();
    ASSERT_TRUE(settle());
  }
  EXPECT_EQ(got, content);
}

TEST_F(SessionTest, UnreadContentDoesNotBlockOtherStreams) {
  TestStream& unread = open(false);
  const std::string content(1024 * 1024, 'x');
  request_.send(content);
  TestStream others[2];
  for (TestStream& other : others) {
    ASSERT_TRUE(client_.session_.open(other, put(), false));
    ASSERT_TRUE(settle());
    TestStream& served = *server_.streams_.back();
    other.send(content);
    other.send_end({});
    std::size_t got = 0;
    while (!served.at_end()) {
      got += served.take_all().size();
      ASSERT_TRUE(settle());
    }
    EXPECT_EQ(got, content.size());
  }
  EXPECT_EQ(unread.received(), limits().stream_window);
}

// Reports whether `data` has a WINDOW_UPDATE of the connection.
bool has_connection_window_update(std::string_view data) {
  constexpr std::size_t kFrameHead = 9;
  while (data.size() >= kFrameHead) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(data[i]); };
    const std::size_t size = at(0) * 65536u + at(1) * 256u + at(2);
    if (at(3) == 8 && data.substr(5, 4) == "\0\0\0\0"sv) return true;
    data.remove_prefix(kFrameHead + size);
  }
  return false;
}

TEST_F(SessionTest, ADestroyedStreamReturnsItsUnreadWindow) {
  const ShortOfMemory no_window_grows;
  const std::string content(limits().stream_window, 'x');
  for (std::size_t sent = 0; sent <= limits().connection_window; sent += content.size()) {
    TestStream upload;
    ASSERT_TRUE(client_.session_.open(upload, put(), false));
    upload.send(content);
    ASSERT_TRUE(settle());
    ASSERT_FALSE(server_.streams_.back()->take_piece().empty());
    server_.streams_.clear();
    ASSERT_TRUE(settle());
  }
  TestStream unread[3];
  bool gives_room = false;
  for (TestStream& upload : unread) {
    ASSERT_TRUE(client_.session_.open(upload, put(), false));
    upload.send(content);
    ASSERT_TRUE(server_.session_.receive(client_.output(), kNow));
    const std::string answer = server_.output();
    gives_room = gives_room || has_connection_window_update(answer);
    ASSERT_TRUE(client_.session_.receive(answer, kNow));
  }
  EXPECT_TRUE(gives_room);
}

TEST_F(SessionTest, AFastReaderGetsALargerWindow) {
  TestStream& served = open(false);
  std::size_t max = 0;
  for (int i = 0; i < 40; ++i) {
    request_.send(std::string(4 * 1024 * 1024, 'x'));
    ASSERT_TRUE(settle());
    max = std::max(max, served.take_all().size());
  }
  EXPECT_GT(max, 2u * 1024 * 1024);
  EXPECT_LE(max, kMaxStreamWindow);
}

// The connection's window grows on a connection with much traffic.
TEST_F(SessionTest, TheConnectionWindowGrowsWithTraffic) {
  TestStream& served = open(false);
  request_.send(std::string(40 * 1024 * 1024, 'x'));
  do {
    ASSERT_TRUE(settle());
  } while (!served.take_all().empty());
  EXPECT_EQ(request_.unsent(), 0u);
  request_.send(std::string(4 * 1024 * 1024, 'x'));
  EXPECT_GT(client_.output().size(), 2 * std::size_t{limits().connection_window});
}

TEST_F(SessionTest, NoWindowGrowsWhileMemoryIsShort) {
  TestStream& served = open(false);
  const ShortOfMemory now;
  for (int i = 0; i < 10; ++i) {
    request_.send(std::string(4 * 1024 * 1024, 'x'));
    ASSERT_TRUE(settle());
    EXPECT_EQ(served.take_all().size(), limits().stream_window);
  }
}

TEST_F(SessionTest, DroppedContentIsReceivedAndDiscarded) {
  TestStream& served = open(false);
  served.drop_content();
  request_.send(std::string(2 * 1024 * 1024, 'x'));
  ASSERT_TRUE(settle());
  EXPECT_EQ(request_.unsent(), 0u);
  EXPECT_FALSE(served.has_piece());
}

TEST_F(SessionTest, ReportsAResetWithItsCode) {
  TestStream& served = open(false);
  request_.reset(ErrorCode::cancel);
  ASSERT_TRUE(settle());
  EXPECT_TRUE(served.is_closed());
  EXPECT_EQ(served.close_code(), ErrorCode::cancel);
  EXPECT_EQ(server_.session_.streams(), 0u);
}

TEST_F(SessionTest, ADestroyedStreamIsReset) {
  {
    TestStream passing;
    ASSERT_TRUE(client_.session_.open(
        passing, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}},
        false));
    ASSERT_TRUE(settle());
  }
  ASSERT_TRUE(settle());
  EXPECT_TRUE(server_.streams_.back()->is_closed());
  EXPECT_EQ(server_.streams_.back()->close_code(), ErrorCode::cancel);
}

TEST_F(SessionTest, ContentThatDoesNotMatchItsLengthIsAnError) {
  TestStream& served = open(false, {{"content-length", "3"}});
  request_.send("four");
  request_.send_end({});
  settle();
  EXPECT_TRUE(served.is_closed());
  EXPECT_EQ(served.close_code(), ErrorCode::protocol_error);
}

TEST_F(SessionTest, ResetsARefusedRequest) {
  server_.refuse_ = true;
  ASSERT_TRUE(client_.session_.open(
      request_, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}},
      true));
  settle();
  EXPECT_TRUE(request_.is_closed());
  EXPECT_EQ(request_.close_code(), ErrorCode::refused_stream);
}

TEST_F(SessionTest, ShutsDownInTwoPhases) {
  TestStream& served = open(true);
  server_.session_.announce_end();
  ASSERT_TRUE(settle());
  EXPECT_EQ(client_.goaway_, 0x7fffffff);
  EXPECT_EQ(server_.pings_, 1);
  server_.session_.end_after_streams();
  settle();
  EXPECT_EQ(client_.goaway_, 1);
  EXPECT_FALSE(server_.session_.is_over());
  served.send_head({{":status", "200"}}, true);
  settle();
  EXPECT_TRUE(server_.session_.is_over());
}

TEST_F(SessionTest, StreamsOutliveTheirSession) {
  auto stream = std::make_unique<TestStream>();
  {
    Peer passing(Role::client, {});
    ASSERT_TRUE(passing.session_.open(
        *stream, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}},
        false));
    stream->send("bytes");
  }
  EXPECT_TRUE(stream->is_closed());
  EXPECT_FALSE(stream->is_open());
  stream->send("more");
  stream->reset(ErrorCode::cancel);
}

TEST_F(SessionTest, AnnouncesExtendedConnect) {
  ASSERT_TRUE(settle());
  EXPECT_TRUE(client_.session_.peer_takes_extended_connect());
  EXPECT_EQ(client_.session_.peer_max_streams(), 4u);
}

// --- floods, and traffic that is not a flood ---------------------------------------------------

// A reset with NO_ERROR is not the end of a response.
TEST_F(SessionTest, CountsResetRequestsWithAnyCode) {
  for (const ErrorCode code : {ErrorCode::cancel, ErrorCode::no_error}) {
    Peer server(Role::server, limits());
    Peer client(Role::client, {});
    std::uint32_t requests = 0;
    bool alive = true;
    while (alive && requests < 2 * FloodGuard::kStreams) {
      TestStream asked;
      ASSERT_TRUE(client.session_.open(asked, put(), false));
      const std::string head = client.output();
      asked.reset(code);
      alive = server.session_.receive(head + client.output(), kNow);
      server.session_.deliver_events();
      ++requests;
    }
    EXPECT_EQ(requests, FloodGuard::kStreams) << name_of(code);
    EXPECT_STREQ(server.session_.reason(), "most requests are reset before their response");
  }
}

// gRPC servers measure the round trip whenever content arrives, and then enlarge the window.
TEST_F(SessionTest, AnUpstreamThatRespondsMayPing) {
  for (std::int64_t i = 0; i < 3 * FloodGuard::kControlFrames; ++i) {
    TestStream asked;
    ASSERT_TRUE(client_.session_.open(asked, put(), true));
    ASSERT_TRUE(settle());
    server_.streams_.back()->send_head({{":status", "204"}}, true);
    server_.session_.ping();
    ASSERT_TRUE(settle()) << i << " answers: " << client_.session_.reason();
    server_.streams_.clear();
  }
}

TEST_F(SessionTest, AStreamOfSmallMessagesMayPing) {
  TestStream& served = open(false);
  served.send_head({{":status", "200"}}, false);
  for (std::int64_t i = 0; i < 3 * FloodGuard::kControlFrames; ++i) {
    request_.send("ping");
    served.send("pong");
    client_.session_.ping();
    ASSERT_TRUE(settle()) << i << " messages: " << server_.session_.reason()
                          << client_.session_.reason();
    ASSERT_EQ(served.take_all() + request_.take_all(), "pingpong");
  }
}

// --- frames on closed streams ------------------------------------------------------------------

// A DATA frame that ends the content, and a GET, as a client might send them on `stream`.
std::string data_on(char stream) {
  return {"\0\0\1\0\1\0\0\0"s + stream + "x"};
}
std::string get_on(char stream) {
  return {"\0\0\3\1\5\0\0\0"s + stream + "\x82\x86\x84"};
}

class PastStreamTest : public SessionTest {
 protected:
  // Returns the error with which the server ends the session after `frame`, or no_error if the
  // server ignores the frame.
  ErrorCode after(const std::string& frame) {
    server_.session_.receive(frame, kNow);
    settle();
    return client_.goaway_reason_;
  }
};

TEST_F(PastStreamTest, AHeadAfterBothEndsIsAConnectionError) {
  open(true).send_head({{":status", "200"}}, true);
  ASSERT_TRUE(settle());
  ASSERT_TRUE(request_.is_closed());
  EXPECT_EQ(after(get_on(1)), ErrorCode::stream_closed);
}

TEST_F(PastStreamTest, ContentAfterBothEndsIsAConnectionError) {
  open(true).send_head({{":status", "200"}}, true);
  ASSERT_TRUE(settle());
  EXPECT_EQ(after(data_on(1)), ErrorCode::stream_closed);
}

TEST_F(PastStreamTest, ContentAfterAClientResetIsAConnectionError) {
  open(false);
  request_.reset(ErrorCode::cancel);
  ASSERT_TRUE(settle());
  EXPECT_EQ(after(data_on(1)), ErrorCode::stream_closed);
}

TEST_F(PastStreamTest, IgnoresFramesSentBeforeOurResetArrived) {
  open(false).reset(ErrorCode::no_error);
  const std::string unheard = server_.output();
  EXPECT_EQ(after(data_on(1)), ErrorCode::no_error);
  EXPECT_EQ(after(get_on(1)), ErrorCode::no_error);
  EXPECT_TRUE(client_.session_.receive(unheard, kNow));
  EXPECT_EQ(client_.goaway_, -1);
}

TEST_F(PastStreamTest, ASkippedStreamNumberCannotBeOpened) {
  for (const char passed_over : "\1\3\5"sv) {
    Peer server(Role::server, limits());
    Peer client(Role::client, {});
    EXPECT_TRUE(server.session_.receive(client.output(), kNow));
    EXPECT_TRUE(server.session_.receive(get_on(7), kNow));
    EXPECT_TRUE(server.session_.receive(get_on(9), kNow));
    EXPECT_FALSE(server.session_.receive(get_on(passed_over), kNow));
    EXPECT_STREQ(server.session_.reason(), "a stream number lower than an earlier one");
  }
}

// An error of the connection would end all other requests with it.
TEST_F(PastStreamTest, TrailersAreAllowedAfterOurResetAndManyRequests) {
  open(false).reset(ErrorCode::no_error);
  server_.output();  // has not arrived yet
  for (int i = 0; i < 20; ++i) {
    TestStream cancelled;
    ASSERT_TRUE(client_.session_.open(cancelled, put(), false));
    ASSERT_TRUE(server_.session_.receive(client_.output(), kNow));
    cancelled.reset(ErrorCode::cancel);
    ASSERT_TRUE(server_.session_.receive(client_.output(), kNow));
    server_.output();
  }
  EXPECT_EQ(after(data_on(1) + get_on(1)), ErrorCode::no_error);
}

TEST_F(PastStreamTest, TrailersAreAllowedOnARequestOverTheLimit) {
  std::string data = client_.output();
  const std::string head = "\0\0\3\1\4\0\0\0"s;
  for (const char stream : "\1\3\5\7\11"sv)
    data += head + stream + "\x82\x86\x84";
  EXPECT_TRUE(server_.session_.receive(data + data_on(9) + get_on(9), kNow));
  EXPECT_EQ(server_.session_.streams(), 4u);
  EXPECT_STREQ(server_.session_.reason(), "");
}

TEST_F(PastStreamTest, TrailersAreAllowedOnARequestAfterOurGoaway) {
  ASSERT_TRUE(settle());
  TestStream& going_on = open(false);
  server_.session_.end_after_streams();
  server_.output();  // has not arrived yet
  TestStream late;
  ASSERT_TRUE(client_.session_.open(late, put(), false));
  late.send("x");
  late.send_end({{"x-sum", "1"}});
  EXPECT_TRUE(server_.session_.receive(client_.output(), kNow));
  EXPECT_STREQ(server_.session_.reason(), "");
  EXPECT_TRUE(going_on.is_open());
}

TEST_F(PastStreamTest, AnUpstreamMayRespondUntilOurResetArrives) {
  TestStream& served = open(true);
  request_.reset(ErrorCode::cancel);
  client_.output();  // has not arrived yet
  served.send_head({{":status", "200"}}, false);
  served.send("content");
  served.send_end({{"x-sum", "1"}});
  EXPECT_TRUE(client_.session_.receive(server_.output(), kNow));
  EXPECT_STREQ(client_.session_.reason(), "");
}

TEST_F(PastStreamTest, ResponsesToCancelledRequestsAreNotAFlood) {
  ASSERT_TRUE(settle());
  const std::string ok = h2_frames::block({{":status", "200"}});
  Session::Time now = kNow;
  for (std::uint32_t id = 1; id < 6 * FloodGuard::kControlFrames; id += 2) {
    {
      TestStream cancelled;
      ASSERT_TRUE(client_.session_.open(cancelled, put(), true));
      client_.output();
      now += std::chrono::seconds(1);  // for the next reset
      cancelled.cancel_with(ErrorCode::cancel, now);
    }
    client_.output();
    const std::string late = h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, id, ok);
    ASSERT_TRUE(client_.session_.receive(late, kNow)) << id << client_.session_.reason();
  }
}

// --- floods on closed streams ------------------------------------------------------------------

TEST_F(PastStreamTest, EndlessHeadsOnAStreamWeResetAreAFlood) {
  open(false).reset(ErrorCode::no_error);
  const std::string unheard = server_.output();
  const std::string head = "\0\0\3\1\4\0\0\0\1\x82\x86\x84"s;
  std::int64_t heads = 0;
  while (heads < 3 * FloodGuard::kControlFrames && server_.session_.receive(head, kNow))
    ++heads;
  EXPECT_GE(heads, FloodGuard::kControlFrames / 2);
  EXPECT_LE(heads, 2 * FloodGuard::kControlFrames);
  EXPECT_STREQ(server_.session_.reason(), "too many frames without progress");
}

}  // namespace
}  // namespace onehop::h2
