// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_output.hpp"

#include "support/bodies.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;
using test::Pieces;
using test::pieces;

class H1OutputTest : public test::StreamPair {
 protected:
  // Makes a new connection and an output to it.
  void open(std::size_t capacity, Side side = Side::upstream) {
    work_ = {};
    join(capacity);
    output_.emplace(*near_, side);
    progress_ = {};
  }
  // Starts to send a head and a body.
  void send(std::string_view head,
            Body body,
            Coding coding = Coding::identity,
            io::Duration stall = 10s) {
    std::memcpy(reactor_.head_scratch().data(), head.data(), head.size());
    body_ = std::move(body);
    H1Output::BodyOptions options;
    options.coding = coding;
    options.stall = stall;
    work_ = send_all(head.size(), options);
    work_.start();
    settle();
  }
  task<Result<void>> send_all(std::size_t head, H1Output::BodyOptions options) {
    auto sent = output_->try_send(head, body_, options, progress_);
    if (sent) co_return std::move(*sent);
    co_return co_await output_->send_rest();
  }
  void drain(io::Duration stall) {
    work_ = output_->drain(stall);
    work_.start();
    settle();
  }
  std::string receive(std::size_t max = std::string::npos) {
    std::string text = far_.receive(max);
    settle();
    return text;
  }
  // Returns everything that arrives at a peer that never stops reading.
  std::string receive_all() {
    std::string text;
    for (std::string piece = receive(); !piece.empty(); piece = receive())
      text += piece;
    return text;
  }
  std::optional<Error> error() {
    EXPECT_TRUE(work_.done());
    if (!work_.done()) return std::nullopt;
    const Result<void> result = work_.take();
    if (result) return std::nullopt;
    return result.error();
  }
  bool failed_with(Errc code, Side side) {
    const auto found = error();
    return found && found->is(code) && found->side() == side;
  }

  std::optional<H1Output> output_;
  BodyProgress progress_;
  Body body_;
  task<Result<void>> work_;
};

// --- writing -----------------------------------------------------------------------------------

TEST_F(H1OutputTest, WritesWhatTheStreamAccepts) {
  open(100);
  EXPECT_TRUE(output_->write("abc"));
  EXPECT_EQ(receive(), "abc");
  char b[] = "de";
  char c[] = "f";
  const iovec parts[] = {{b, 2}, {nullptr, 0}, {c, 1}};
  EXPECT_TRUE(output_->write(parts));
  EXPECT_EQ(receive(), "def");
  EXPECT_FALSE(output_->has_pending());
  EXPECT_EQ(near_->bytes_out(), 6u);
}

TEST_F(H1OutputTest, KeepsTheRestInOrder) {
  open(4);
  EXPECT_TRUE(output_->write("abcdef"));
  EXPECT_EQ(output_->pending(), 2u);
  EXPECT_TRUE(output_->write("gh"));
  EXPECT_EQ(output_->pending(), 4u);
  EXPECT_EQ(near_->bytes_out(), 4u);
  EXPECT_EQ(receive(), "abcd");
  // There is room again, but the bytes kept are sent first.
  EXPECT_TRUE(output_->write("ij"));
  drain(1s);
  EXPECT_EQ(receive_all(), "efghij");
  EXPECT_FALSE(error());
  EXPECT_EQ(output_->pending(), 0u);
  EXPECT_EQ(near_->bytes_out(), 10u);
}

TEST_F(H1OutputTest, ResumesAGatheredWriteAtAnyPoint) {
  for (std::size_t room = 1; room < 9; ++room) {
    open(room);
    char a[] = "abc";
    char b[] = "def";
    char c[] = "ghi";
    const iovec parts[] = {{a, 3}, {b, 3}, {c, 3}};
    ASSERT_TRUE(output_->write(parts));
    drain(1s);
    EXPECT_EQ(receive_all(), "abcdefghi") << room;
    EXPECT_FALSE(error());
  }
}

TEST_F(H1OutputTest, DrainsAtOnceWhenNothingIsPending) {
  open(4);
  drain(1s);
  EXPECT_FALSE(error());
}

TEST_F(H1OutputTest, TimesOutWithoutProgress) {
  for (const Side side : {Side::client, Side::upstream}) {
    open(4, side);
    EXPECT_TRUE(output_->write("abcdefgh"));
    drain(10s);
    advance(9s);
    EXPECT_EQ(receive(2), "ab");  // two bytes are progress
    advance(9s);
    EXPECT_FALSE(work_.done());
    advance(1s);
    EXPECT_TRUE(failed_with(Errc::timed_out, side));
  }
}

TEST_F(H1OutputTest, ReportsWhichSideIsGone) {
  for (const Side side : {Side::client, Side::upstream}) {
    for (const bool while_waiting : {false, true}) {
      open(4, side);
      Result<void> result;
      if (while_waiting) {
        EXPECT_TRUE(output_->write("abcdefgh"));
        drain(10s);
        far_.reset();
        settle();
        ASSERT_TRUE(work_.done());
        result = work_.take();
      } else {
        far_.reset();
        result = output_->write("abc");
      }
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().side(), side);
      if (side == Side::client) {
        EXPECT_TRUE(result.error().is(Errc::client_gone));
      } else {
        EXPECT_EQ(result.error().code(), std::error_code(EPIPE, std::system_category()));
      }
    }
  }
}

TEST_F(H1OutputTest, CanBeInterrupted) {
  open(4);
  EXPECT_TRUE(output_->write("abcdefgh"));
  drain(10s);
  near_->interrupt_writer();
  settle();
  EXPECT_TRUE(failed_with(Errc::cancelled, Side::local));
}

// --- messages ----------------------------------------------------------------------------------

struct Sent {
  const char* name;
  std::vector<std::string> content;
  Coding coding;
  std::string data;
  bool trailers = false;
};
class H1OutputMessage : public H1OutputTest, public ::testing::WithParamInterface<Sent> {
 protected:
  static Body body() {
    auto source = pieces(GetParam().content);
    if (GetParam().trailers) source->trailers_ = {{"X-Sum", "7"}, {"Y", "z"}};
    return Body::from(std::move(source));
  }
};

TEST_P(H1OutputMessage, ArrivesCompleteWithPartialWrites) {
  const std::string expected = "head\r\n\r\n" + GetParam().data;
  for (const std::size_t capacity : {1u, 2u, 3u, 7u, 64u, 100'000u}) {
    open(capacity);
    send("head\r\n\r\n", body(), GetParam().coding);
    EXPECT_EQ(receive_all(), expected) << capacity;
    EXPECT_FALSE(error());
    std::size_t size = 0;
    for (const std::string& piece : GetParam().content)
      size += piece.size();
    EXPECT_EQ(progress_.sent, size);
  }
}

std::string chunk(const std::string& data) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + data + "\r\n";
}
const std::string kLarge(20'000, 'l');

INSTANTIATE_TEST_SUITE_P(
    All,
    H1OutputMessage,
    ::testing::Values(
        Sent{"Nothing", {}, Coding::identity, ""},
        Sent{"OnePiece", {"abc"}, Coding::identity, "abc"},
        Sent{"Pieces", {"abc", "d", "ef"}, Coding::identity, "abcdef"},
        Sent{"NoChunk", {}, Coding::chunked, "0\r\n\r\n"},
        Sent{"Chunks",
             {"abc", "0123456789"},
             Coding::chunked,
             "3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"},
        Sent{"Trailers",
             {"abc"},
             Coding::chunked,
             "3\r\nabc\r\n0\r\nX-Sum: 7\r\nY: z\r\n\r\n",
             true},
        Sent{"LargePieces", {kLarge, "a", kLarge}, Coding::identity, kLarge + "a" + kLarge},
        Sent{"LargeChunks",
             {kLarge, "a", kLarge},
             Coding::chunked,
             chunk(kLarge) + chunk("a") + chunk(kLarge) + "0\r\n\r\n"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(H1OutputTest, SendsAHeadWithoutABody) {
  open(100);
  send("head", Body());
  EXPECT_EQ(receive(), "head");
  EXPECT_FALSE(error());
}

TEST_F(H1OutputTest, SendsTrailersLargerThanAnyBuffer) {
  open(std::size_t{1} << 20);
  auto source = pieces({"a"});
  for (int i = 0; i < 30; ++i)
    source->trailers_.add("X-" + std::to_string(i), std::string(10'000, 't'));
  send("", Body::from(std::move(source)), Coding::chunked);
  const std::string received = receive_all();
  EXPECT_FALSE(error());
  EXPECT_GT(received.size(), 300'000u);
  EXPECT_TRUE(received.ends_with("t\r\n\r\n"));
}

// --- bodies that lie or fail -------------------------------------------------------------------

TEST_F(H1OutputTest, FailsABodyThatIsLongerThanDeclared) {
  for (const std::vector<std::string>& content :
       {std::vector<std::string>{"abc", "def"}, {"abcdef"}, {"abcd", "e"}}) {
    open(100);
    auto source = pieces(content);
    source->length_ = 4;
    send("head ", Body::from(std::move(source)));
    EXPECT_TRUE(failed_with(Errc::handler_failed, Side::local));
    const std::string received = receive();
    EXPECT_TRUE(received.starts_with("head "));
    EXPECT_LE(received.size(), 9u);
  }
}

TEST_F(H1OutputTest, FailsABodyThatIsShorterThanDeclared) {
  for (const std::vector<std::string>& content :
       {std::vector<std::string>{}, {"abc"}, {"ab", "c"}}) {
    open(100);
    auto source = pieces(content);
    source->length_ = 4;
    send("head ", Body::from(std::move(source)));
    EXPECT_TRUE(failed_with(Errc::handler_failed, Side::local));
    EXPECT_EQ(receive(), content.empty() ? "head " : "head abc");
  }
}

TEST_F(H1OutputTest, SendsContentBeforeAFault) {
  for (const Coding coding : {Coding::identity, Coding::chunked}) {
    open(100);
    auto source = pieces({"abc"});
    source->fails_ = true;
    send("head ", Body::from(std::move(source)), coding);
    EXPECT_TRUE(failed_with(Errc::truncated, Side::upstream));
    EXPECT_EQ(receive(), coding == Coding::chunked ? "head 3\r\nabc\r\n" : "head abc");
  }
}

TEST_F(H1OutputTest, PropagatesAnExceptionOfABody) {
  open(100);
  auto source = pieces({"abc"});
  source->throws_ = true;
  send("head ", Body::from(std::move(source)));
  ASSERT_TRUE(work_.done());
  EXPECT_THROW(work_.take(), std::runtime_error);
}

TEST_F(H1OutputTest, FailsWhenThePeerLeavesInTheMiddle) {
  open(4, Side::client);
  send("head", Body::of(std::string(100, 'x')));
  EXPECT_EQ(receive(), "head");
  far_.reset();
  settle();
  EXPECT_TRUE(failed_with(Errc::client_gone, Side::client));
}

TEST_F(H1OutputTest, FailsWhenThePeerStopsReading) {
  open(4, Side::client);
  send("head", Body::of(std::string(100, 'x')), Coding::identity, 5s);
  advance(4s);
  EXPECT_FALSE(work_.done());
  advance(1s);
  EXPECT_TRUE(failed_with(Errc::timed_out, Side::client));
}

// --- back-pressure -----------------------------------------------------------------------------

TEST_F(H1OutputTest, ReadsNothingWhileOutputIsPending) {
  open(10);
  auto source = pieces(std::vector<std::string>(100, "0123456789"));
  const Pieces* const body = source.get();
  send("", Body::from(std::move(source)));
  const int at_first = body->reads_;
  EXPECT_LE(at_first, 3);
  EXPECT_LE(output_->pending(), 20u);
  advance(5s);
  EXPECT_EQ(body->reads_, at_first);
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(receive(10).size(), 10u);
    EXPECT_LE(body->reads_, at_first + i + 1);
  }
  EXPECT_LE(output_->pending(), 20u);
  EXPECT_EQ(receive_all().size(), 950u);
  EXPECT_FALSE(error());
}

TEST_F(H1OutputTest, SendsEachPieceBeforeItWaitsForTheNext) {
  open(1000);
  auto source = pieces({"one", "two"});
  source->pause_ = 1s;
  send("head ", Body::from(std::move(source)), Coding::chunked);
  EXPECT_EQ(receive(), "head ");
  advance(1s);
  EXPECT_EQ(receive(), "3\r\none\r\n");
  advance(1s);
  EXPECT_EQ(receive(), "3\r\ntwo\r\n");
  advance(1s);
  EXPECT_EQ(receive(), "0\r\n\r\n");
  EXPECT_FALSE(error());
}

TEST_F(H1OutputTest, CanBeCancelled) {
  open(4);
  send("head", Body::of("0123456789"));
  work_ = {};
  EXPECT_EQ(receive(), "head");
  advance(1min);
  EXPECT_EQ(far_.ending(), "");
}

// --- progress ----------------------------------------------------------------------------------

TEST_F(H1OutputTest, RecordsItsLastProgress) {
  open(1000);
  auto source = pieces({"one", "two"});
  source->pause_ = 1s;
  const net::Time began = reactor_.now();
  send("", Body::from(std::move(source)));
  advance(1s);
  EXPECT_EQ(progress_.sent, 3u);
  EXPECT_EQ(progress_.last, began + 1s);
  advance(1s);
  EXPECT_EQ(progress_.sent, 6u);
  EXPECT_EQ(progress_.last, began + 2s);
}

TEST_F(H1OutputTest, CopiesContentIfAllOfItFits) {
  for (const Coding coding : {Coding::identity, Coding::chunked}) {
    for (const std::size_t limit : {0u, 5u, 6u, 7u}) {
      open(1000);
      HeldString copy;
      progress_.copy = &copy;
      progress_.copy_limit = limit;
      send("head", Body::from(pieces({"abc", "def"})), coding);
      EXPECT_FALSE(error());
      EXPECT_EQ(progress_.copy_complete, limit >= 6);
      EXPECT_EQ(copy, limit >= 6 ? "abcdef" : "");
    }
  }
}

}  // namespace
}  // namespace onehop::wire
