// SPDX-License-Identifier: Apache-2.0
#include "wire/head_reader.hpp"

#include "base/held_memory.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHead = "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";

class HeadReaderTest : public test::StreamPair {
 protected:
  // Starts to read a head from a new connection.
  void start(net::Time deadline = io::kNever) {
    reading_ = {};
    join(std::size_t{1} << 20);
    buffer_.release();
    parser_.emplace(kind_, limits_);
    source_.emplace(*near_, buffer_, *parser_, side_, max_);
    reading_ = read_head(*source_, deadline);
    reading_.start();
  }
  void send(std::string_view text) {
    far_.send(text);
    settle();
  }
  std::optional<Error> error() {
    settle();
    EXPECT_TRUE(reading_.done());
    if (!reading_.done()) return std::nullopt;
    const Result<void> result = reading_.take();
    if (result) return std::nullopt;
    return result.error();
  }
  bool failed_with(Errc code) {
    const auto found = error();
    return found && found->is(code) && found->side() == side_;
  }

  h1::HeadKind kind_ = h1::HeadKind::request;
  h1::Limits limits_;
  Side side_ = Side::client;
  std::size_t max_ = std::size_t{64} * 1024;

  ReadBuffer buffer_{reactor_.buffers()};
  std::optional<h1::HeadParser> parser_;
  std::optional<HeadInput> source_;
  task<Result<void>> reading_;
};

TEST_F(HeadReaderTest, ReadsAnAvailableHeadWithoutWaiting) {
  start();
  EXPECT_FALSE(try_read_head(*source_));
  far_.send(kHead);
  const auto read = try_read_head(*source_);
  ASSERT_TRUE(read);
  EXPECT_TRUE(*read);
}

TEST_F(HeadReaderTest, WaitsForTheRestAtEverySplit) {
  for (std::size_t split = 0; split < kHead.size(); ++split) {
    start();
    send(kHead.substr(0, split));
    ASSERT_FALSE(reading_.done()) << split;
    send(kHead.substr(split));
    ASSERT_FALSE(error()) << split;
    EXPECT_EQ(parser_->size(), kHead.size());
    EXPECT_EQ(buffer_.view(), kHead);
  }
}

TEST_F(HeadReaderTest, HasNoBufferBeforeTheFirstByte) {
  start();
  ASSERT_FALSE(reading_.done());
  EXPECT_EQ(buffer_.view().data(), nullptr);
  send(kHead);
  EXPECT_FALSE(error());
  EXPECT_EQ(buffer_.view(), kHead);
}

// Makes memory short while it exists.
struct ShortMemory {
  ShortMemory() noexcept { set_memory_ceiling(0); }
  ShortMemory(const ShortMemory&) = delete;
  ShortMemory& operator=(const ShortMemory&) = delete;
  ~ShortMemory() { set_memory_ceiling(kNoMemoryCeiling); }
};

TEST_F(HeadReaderTest, WhileMemoryIsShortAHeadMustArriveInOnePiece) {
  const ShortMemory short_memory;
  start();
  EXPECT_FALSE(reading_.done());  // the head has not begun
  send(kHead);
  EXPECT_FALSE(error());
  start();
  send(kHead.substr(0, 5));
  const auto found = error();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is(Errc::overloaded));
  EXPECT_EQ(found->side(), Side::local);
}

TEST_F(HeadReaderTest, WhileMemoryIsShortNoBufferGrowsForARequest) {
  const ShortMemory short_memory;
  const std::string long_head =
      "GET /a HTTP/1.1\r\nHost: h\r\nX: " + std::string(30'000, 'y') + "\r\n\r\n";
  start();
  send(long_head);
  const auto found = error();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is(Errc::overloaded));
}

TEST_F(HeadReaderTest, WhileMemoryIsShortAResponseIsStillAwaited) {
  const ShortMemory short_memory;
  kind_ = h1::HeadKind::response;
  side_ = Side::upstream;
  start();
  send("HTTP/1.1 200 OK\r\nX: ");
  send(std::string(10'000, 'y'));
  send("\r\n\r\n");
  EXPECT_FALSE(error());
}

TEST_F(HeadReaderTest, WhileMemoryIsShortNoBufferGrowsForAResponse) {
  const ShortMemory short_memory;
  kind_ = h1::HeadKind::response;
  side_ = Side::upstream;
  start();
  send("HTTP/1.1 200 OK\r\nX: " + std::string(30'000, 'y') + "\r\n\r\n");
  const auto found = error();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is(Errc::overloaded));
  EXPECT_EQ(found->side(), Side::local);
}

TEST_F(HeadReaderTest, TakesOneByteAtATime) {
  start();
  near_->set_max_read(1);
  send(kHead);
  EXPECT_FALSE(error());
  EXPECT_EQ(buffer_.view(), kHead);
}

TEST_F(HeadReaderTest, LeavesFollowingBytesInTheBuffer) {
  start();
  send(std::string(kHead) + "content");
  EXPECT_FALSE(error());
  EXPECT_EQ(buffer_.view().substr(parser_->size()), "content");
}

TEST_F(HeadReaderTest, UsesBytesAlreadyInTheBuffer) {
  start();
  reading_ = {};
  far_.send(kHead);
  buffer_.fill(*near_, 1000);
  far_.close();
  reading_ = read_head(*source_, io::kNever);
  reading_.start();
  EXPECT_FALSE(error());
}

TEST_F(HeadReaderTest, EndsAtItsDeadlineDespiteProgress) {
  start(reactor_.now() + 10s);
  for (const char byte : kHead.substr(0, 9)) {
    advance(1s);
    send({&byte, 1});
  }
  EXPECT_FALSE(reading_.done());
  advance(999ms);
  EXPECT_FALSE(reading_.done());
  advance(1ms);
  EXPECT_TRUE(failed_with(Errc::timed_out));
  EXPECT_TRUE(parser_->begun());
}

TEST_F(HeadReaderTest, DistinguishesAnEndFromAReset) {
  for (const std::string_view begin : {std::string_view(), kHead.substr(0, 20)}) {
    start();
    send(begin);
    far_.close_write();
    EXPECT_TRUE(failed_with(Errc::closed));
    start();
    send(begin);
    far_.reset();
    const auto reset = error();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->code(), std::error_code(ECONNRESET, std::system_category()));
    EXPECT_EQ(reset->side(), Side::client);
  }
}

TEST_F(HeadReaderTest, CanBeInterrupted) {
  start();
  send("GET ");
  near_->interrupt_reader();
  const auto interrupted = error();
  ASSERT_TRUE(interrupted);
  EXPECT_TRUE(interrupted->is(Errc::cancelled));
}

TEST_F(HeadReaderTest, CanBeCancelled) {
  start(reactor_.now() + 1s);
  send("GET ");
  reading_ = {};
  send("/");
  advance(2s);
  EXPECT_EQ(far_.ending(), "");
}

TEST_F(HeadReaderTest, ReturnsTheErrorOfTheParser) {
  start();
  send("GET / HTTP/1.1\r\nHost : h\r\n\r\n");
  EXPECT_TRUE(failed_with(Errc::bad_request));
  kind_ = h1::HeadKind::response;
  side_ = Side::upstream;
  start();
  send("HTTP/1.1 2OO OK\r\n\r\n");
  EXPECT_TRUE(failed_with(Errc::bad_response));
}

// The parser's limits are higher here; the buffer's own limit must still hold.
TEST_F(HeadReaderTest, RefusesMoreThanTheBufferMayHold) {
  limits_.max_start_line = limits_.max_header_bytes = std::size_t{1} << 20;
  const std::string large = "X: " + std::string(100'000, 'x');
  start();
  send("GET / HTTP/1.1\r\n" + large);
  EXPECT_TRUE(failed_with(Errc::head_too_large));
  EXPECT_LE(buffer_.size(), max_);
  kind_ = h1::HeadKind::response;
  side_ = Side::upstream;
  start();
  send("HTTP/1.1 200 OK\r\n" + large);
  EXPECT_TRUE(failed_with(Errc::response_head_too_large));
}

TEST_F(HeadReaderTest, ReadsAHeadOfExactlyTheSizeOfTheBuffer) {
  limits_.max_start_line = limits_.max_header_bytes = std::size_t{1} << 20;
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string head = begin + std::string(max_ - begin.size() - 4, 'x') + "\r\n\r\n";
  start();
  send(head);
  EXPECT_FALSE(error());
  EXPECT_EQ(parser_->size(), max_);
}

}  // namespace
}  // namespace onehop::wire
