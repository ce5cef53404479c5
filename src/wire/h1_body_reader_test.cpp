// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_body_reader.hpp"

#include "base/arena.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::wire {
namespace {

constexpr std::size_t kScratch = io::Reactor::kScratchSize;

class H1BodyReaderTest : public test::StreamPair {
 protected:
  void begin(const BodyFraming& framing, Side side = Side::upstream) {
    reader_.reset();
    join(std::size_t{1} << 20);
    buffer_.release();
    reader_.emplace(*near_, buffer_, side);
    reader_->begin(framing, limits_, Arena::create());
  }

  // Reads until no more pieces are available, the end or an error.
  void read(std::size_t scratch = H1BodyReader::kOwnMemory) {
    for (;;) {
      const auto piece = reader_->try_read(scratch);
      if (!piece) return;
      if (!*piece) {
        error_ = piece->error();
        return;
      }
      if ((*piece)->empty()) return;
      content_ += **piece;
    }
  }
  std::string take() { return std::exchange(content_, {}); }
  bool failed_with(Errc code, Side side) const {
    return error_ && error_->is(code) && error_->side() == side;
  }

  h1::Limits limits_;
  ReadBuffer buffer_{reactor_.buffers()};
  std::optional<H1BodyReader> reader_;
  std::string content_;
  std::optional<Error> error_;
};

// --- whole messages, at every split ------------------------------------------------------------

struct Message {
  const char* name;
  BodyFraming framing;
  std::string text;
  std::string content;
  std::size_t rest = 0;  // bytes of `text` that belong to the next message
};
class H1BodyReaderMessage : public H1BodyReaderTest, public ::testing::WithParamInterface<Message> {
 protected:
  void send_in_two(std::size_t split, std::size_t scratch) {
    const Message& message = GetParam();
    begin(message.framing);
    error_.reset();
    content_.clear();
    far_.send(std::string_view(message.text).substr(0, split));
    read(scratch);
    far_.send(std::string_view(message.text).substr(split));
    if (message.framing.kind == BodyFraming::Kind::until_close) far_.close_write();
    read(scratch);
    EXPECT_EQ(content_, message.content);
    EXPECT_FALSE(error_);
    EXPECT_TRUE(reader_->at_end());
    EXPECT_EQ(reader_->received(), message.content.size());
    EXPECT_EQ(reader_->left(), 0u);
  }
  std::string unread() {
    while (buffer_.fill(*near_, io::BufferPool::kSize).has_bytes()) {
    }
    return std::string(buffer_.view());
  }
};

TEST_P(H1BodyReaderMessage, IsReadAtEverySplit) {
  const std::string& text = GetParam().text;
  for (std::size_t split = 0; split <= text.size(); ++split) {
    for (const std::size_t scratch : {H1BodyReader::kOwnMemory, kScratch}) {
      SCOPED_TRACE("split at " + std::to_string(split));
      send_in_two(split, scratch);
      const std::string next = text.substr(text.size() - GetParam().rest);
      EXPECT_EQ(unread(), next);
    }
  }
}

TEST_P(H1BodyReaderMessage, IsReadByteByByte) {
  begin(GetParam().framing);
  near_->set_max_read(1);
  far_.send(GetParam().text);
  if (GetParam().framing.kind == BodyFraming::Kind::until_close) far_.close_write();
  read();
  EXPECT_EQ(content_, GetParam().content);
  EXPECT_FALSE(error_);
  EXPECT_TRUE(reader_->at_end());
}

INSTANTIATE_TEST_SUITE_P(
    All,
    H1BodyReaderMessage,
    ::testing::Values(
        Message{"None", BodyFraming::none(), "GET /", "", 5},
        Message{"LengthZero", BodyFraming::of_length(0), "GET /", "", 5},
        Message{"Length", BodyFraming::of_length(5), "hello", "hello"},
        Message{"LengthAndTheNext", BodyFraming::of_length(5), "helloGET /", "hello", 5},
        Message{"Chunked", BodyFraming::chunked(), "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde"},
        Message{"ChunkedAndTheNext", BodyFraming::chunked(), "1\r\na\r\n0\r\n\r\nGET /", "a", 5},
        Message{"ChunkedEmpty", BodyFraming::chunked(), "0\r\n\r\n", ""},
        Message{"Trailers", BodyFraming::chunked(), "1\r\na\r\n0\r\nX: 1\r\nY: 2\r\n\r\n", "a"},
        Message{"UntilClose", BodyFraming::until_close(), "hello", "hello"},
        Message{"UntilCloseEmpty", BodyFraming::until_close(), "", ""}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(H1BodyReaderTest, ReturnsTrailersAtTheEnd) {
  begin(BodyFraming::chunked());
  far_.send("1\r\na\r\n0\r\nX: 1\r\nY: ");
  read();
  EXPECT_FALSE(reader_->at_end());
  EXPECT_TRUE(reader_->trailers().empty());
  far_.send("2\r\n\r\n");
  read();
  EXPECT_TRUE(reader_->at_end());
  EXPECT_EQ(reader_->trailers().get_or_empty("X"), "1");
  EXPECT_EQ(reader_->trailers().get_or_empty("Y"), "2");
}

TEST_F(H1BodyReaderTest, KnowsTheRemainingLengthIfDeclared) {
  begin(BodyFraming::of_length(5));
  EXPECT_EQ(reader_->length(), 5u);
  EXPECT_EQ(reader_->left(), 5u);
  far_.send("ab");
  read();
  EXPECT_EQ(reader_->left(), 3u);
  EXPECT_EQ(reader_->received(), 2u);
  begin(BodyFraming::chunked());
  EXPECT_FALSE(reader_->length());
  EXPECT_FALSE(reader_->left());
  begin(BodyFraming::until_close());
  EXPECT_FALSE(reader_->length());
  EXPECT_FALSE(reader_->left());
}

TEST_F(H1BodyReaderTest, HasNothingToReadBeforeItBegins) {
  H1BodyReader reader(*near_, buffer_, Side::client);
  EXPECT_TRUE(reader.at_end());
  const auto piece = reader.try_read(H1BodyReader::kOwnMemory);
  ASSERT_TRUE(piece && *piece);
  EXPECT_TRUE((*piece)->empty());
}

// --- bodies that break off ---------------------------------------------------------------------

struct Break {
  const char* name;
  BodyFraming framing;
  const char* text;
};
class H1BodyReaderBreak : public H1BodyReaderTest, public ::testing::WithParamInterface<Break> {};

TEST_P(H1BodyReaderBreak, IsAnErrorOnEitherSide) {
  for (const Side side : {Side::client, Side::upstream}) {
    for (const bool reset : {false, true}) {
      begin(GetParam().framing, side);
      error_.reset();
      far_.send(GetParam().text);
      reset ? far_.reset() : far_.close_write();
      read();
      if (!reset && GetParam().framing.kind == BodyFraming::Kind::until_close) {
        EXPECT_FALSE(error_);
        continue;
      }
      ASSERT_TRUE(error_);
      EXPECT_FALSE(reader_->at_end());
      EXPECT_EQ(error_->side(), side);
      if (side == Side::client) {
        EXPECT_TRUE(error_->is(Errc::client_gone));
      } else if (reset) {
        EXPECT_EQ(error_->code(), std::error_code(ECONNRESET, std::system_category()));
      } else {
        EXPECT_TRUE(error_->is(Errc::truncated));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    H1BodyReaderBreak,
    ::testing::Values(Break{"LengthAtOnce", BodyFraming::of_length(5), ""},
                      Break{"Length", BodyFraming::of_length(5), "hell"},
                      Break{"ChunkedAtOnce", BodyFraming::chunked(), ""},
                      Break{"InASize", BodyFraming::chunked(), "5"},
                      Break{"InData", BodyFraming::chunked(), "5\r\nhell"},
                      Break{"BehindData", BodyFraming::chunked(), "5\r\nhello"},
                      Break{"BehindAChunk", BodyFraming::chunked(), "5\r\nhello\r\n"},
                      Break{"BehindTheLastChunk", BodyFraming::chunked(), "0\r\n"},
                      Break{"InTrailers", BodyFraming::chunked(), "0\r\nX: 1\r\n"},
                      Break{"UntilClose", BodyFraming::until_close(), "hello"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(H1BodyReaderTest, DeliversContentBeforeAFault) {
  begin(BodyFraming::chunked());
  far_.send("3\r\nabc\r\nxyz\r\n");
  read();
  EXPECT_EQ(content_, "abc");
  EXPECT_TRUE(failed_with(Errc::bad_response, Side::upstream));
  EXPECT_TRUE(reader_->has_failed());
}

TEST_F(H1BodyReaderTest, RepeatsItsError) {
  begin(BodyFraming::of_length(5));
  far_.send("ab");
  far_.close_write();
  read();
  ASSERT_TRUE(error_);
  for (int i = 0; i < 3; ++i) {
    const auto piece = reader_->try_read(kScratch);
    ASSERT_TRUE(piece && !*piece);
    EXPECT_TRUE(piece->error().is(Errc::truncated));
  }
}

TEST_F(H1BodyReaderTest, FailsOnRequest) {
  begin(BodyFraming::of_length(5), Side::client);
  far_.send("ab");
  read();
  reader_->fail(Error(Errc::timed_out, Side::client));
  reader_->fail(Error(Errc::cancelled, Side::local));  // the first error is kept
  far_.send("cde");
  read();
  EXPECT_EQ(content_, "ab");
  EXPECT_TRUE(failed_with(Errc::timed_out, Side::client));
}

TEST_F(H1BodyReaderTest, CannotFailOnceItHasEnded) {
  begin(BodyFraming::of_length(2));
  far_.send("ab");
  read();
  reader_->fail(Error(Errc::timed_out, Side::client));
  read();
  EXPECT_FALSE(error_);
  EXPECT_TRUE(reader_->at_end());
}

// --- limits and back-pressure ------------------------------------------------------------------

TEST_F(H1BodyReaderTest, RefusesContentPastItsLimit) {
  const std::pair<BodyFraming, const char*> cases[] = {
      {BodyFraming::chunked(), "4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"},
      {BodyFraming::until_close(), "abcde"},
  };
  for (const auto& [framing, text] : cases) {
    begin(framing, Side::client);
    error_.reset();
    reader_->set_limit(4);
    far_.send(text);
    read();
    EXPECT_TRUE(failed_with(Errc::body_too_large, Side::client));
    EXPECT_FALSE(reader_->at_end());
  }
}

TEST_F(H1BodyReaderTest, AcceptsContentUpToItsLimit) {
  begin(BodyFraming::chunked(), Side::client);
  reader_->set_limit(4);
  far_.send("4\r\nabcd\r\n0\r\n\r\n");
  read();
  EXPECT_FALSE(error_);
  EXPECT_EQ(content_, "abcd");
}

TEST_F(H1BodyReaderTest, RefusesTrailersPastTheirLimits) {
  limits_.max_header_fields = 2;
  begin(BodyFraming::chunked());
  far_.send("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
  read();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->side(), Side::upstream);
}

TEST_F(H1BodyReaderTest, AcceptsTrailersOfAnySizeWithinTheirLimits) {
  limits_.max_header_bytes = 500'000;
  const std::string value(400'000, 'v');
  for (const Side side : {Side::client, Side::upstream}) {
    begin(BodyFraming::chunked(), side);
    far_.send("0\r\nX: " + value + "\r\n\r\n");
    read();
    EXPECT_FALSE(error_);
    EXPECT_TRUE(reader_->at_end());
    EXPECT_TRUE(reader_->trailers().get_or_empty("X") == value);
  }
}

TEST_F(H1BodyReaderTest, RefusesAnEndlessTrailer) {
  limits_.max_header_bytes = 500'000;
  for (const Side side : {Side::client, Side::upstream}) {
    begin(BodyFraming::chunked(), side);
    far_.send("0\r\nX: " + std::string(600'000, 'v'));
    read();
    const bool is_client = side == Side::client;
    EXPECT_TRUE(
        failed_with(is_client ? Errc::head_too_large : Errc::response_head_too_large, side));
  }
}

TEST_F(H1BodyReaderTest, ReadsLargeContentWholeWithAndWithoutScratchMemory) {
  std::string content;
  for (int i = 0; content.size() < 700'000; ++i)
    content += std::to_string(i) + ' ';
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", content.size());
  const std::pair<BodyFraming, std::string> cases[] = {
      {BodyFraming::of_length(content.size()), content},
      {BodyFraming::chunked(), size + content + "\r\n0\r\n\r\n"},
      {BodyFraming::until_close(), content},
  };
  for (const auto& [framing, text] : cases) {
    for (const std::size_t scratch : {H1BodyReader::kOwnMemory, std::size_t{50'000}, kScratch}) {
      begin(framing);
      far_.send(text);
      far_.close_write();
      read(scratch);
      EXPECT_FALSE(error_);
      EXPECT_TRUE(take() == content);
    }
  }
}

TEST_F(H1BodyReaderTest, ReadsNoMoreThanRequested) {
  begin(BodyFraming::of_length(1'000'000));
  far_.send(std::string(200'000, 'x'));
  auto piece = reader_->try_read(H1BodyReader::kOwnMemory);
  ASSERT_TRUE(piece && *piece);
  EXPECT_LE((*piece)->size(), io::BufferPool::kSize);
  const std::size_t first = (*piece)->size();
  piece = reader_->try_read(50'000);
  ASSERT_TRUE(piece && *piece);
  EXPECT_LE((*piece)->size(), 50'000u);
  EXPECT_EQ(reader_->received(), first + (*piece)->size());
  std::string unread(200'000, '\0');
  EXPECT_EQ(near_->try_read(unread.data(), unread.size()), 200'000 - reader_->received());
}

}  // namespace
}  // namespace onehop::wire
