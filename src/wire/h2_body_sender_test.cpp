// SPDX-License-Identifier: Apache-2.0
//
// An upload to an upstream that opens its window when the test asks for it.
#include "wire/h2_body_sender.hpp"

#include "base/poll.hpp"
#include "http/polled_body_source.hpp"
#include "support/bodies.hpp"
#include "support/h2_link_pair.hpp"
#include "support/short_of_memory.hpp"
#include "wire/request_claim.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;
using test::pieces;

constexpr std::size_t kSize = std::size_t{256} * 1024;

class H2BodySenderTest : public test::H2LinkPair {
 protected:
  ~H2BodySenderTest() override { work_ = {}; }

  void open() {
    start(h2::Role::client);
    const h2::FieldList head = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
    ASSERT_TRUE(session_->open(stream_, head, false));
    stream_.on_event_ = [this] { sender_.on_event(); };
  }
  void send(Body body, io::Duration stall = 10s) {
    open();
    body_ = std::move(body);
    work_ = send_all(stall);
    work_.start();
    settle();
  }
  task<Result<void>> send_all(io::Duration stall) {
    auto sent = sender_.try_send(*link_, body_, progress_, stall);
    if (sent) co_return std::move(*sent);
    co_return co_await sender_.send_rest();
  }
  // Opens the upstream's windows by `more` bytes.
  void open_window(std::uint32_t more) {
    const std::string increment = h2_frames::number(more, 4);
    say(h2_frames::frame(h2_frames::window_update, 0, 0, increment) +
        h2_frames::frame(h2_frames::window_update, 0, 1, increment));
    settle();
  }
  // Returns the bytes of content that have arrived since the last call.
  std::size_t arrived() {
    std::string data = far_.receive();
    std::size_t sum = 0;
    for (const h2_frames::Frame& frame : h2_frames::take_frames(data)) {
      if (frame.type == h2_frames::data) sum += frame.payload.size();
    }
    return sum;
  }
  std::optional<Error> error() {
    EXPECT_TRUE(work_.done());
    if (!work_.done()) return std::nullopt;
    const Result<void> result = work_.take();
    return result ? std::nullopt : std::optional<Error>(result.error());
  }
  bool failed_with(Errc code, Side side) {
    const auto found = error();
    return found && found->is(code) && found->side() == side;
  }

  H2BodySender sender_{stream_, reactor_, Side::upstream};
  BodyProgress progress_;
  Body body_;
  task<Result<void>> work_;
};

TEST_F(H2BodySenderTest, ProgressExtendsTheTimeout) {
  send(Body::of(std::string(kSize, 'x')));
  EXPECT_EQ(arrived(), h2_frames::kFirstWindow);
  advance(9s);
  open_window(1024);
  EXPECT_EQ(arrived(), 1024u);
  advance(1s);
  EXPECT_FALSE(work_.done()) << "the upstream has taken 1 KiB";
  advance(9s);
  EXPECT_FALSE(work_.done());
  advance(1s);
  EXPECT_TRUE(failed_with(Errc::timed_out, Side::upstream)) << "and nothing since";
}

// The connection is full, so the upstream reads frames for a long time before the stream can send.
TEST_F(H2BodySenderTest, AnUpstreamThatReadsAFullConnectionSlowlyMakesProgress) {
  open();
  link_->flush_now();
  open_window(1024 * 1024);
  const std::string filler(8 * std::size_t{1024} * 1024, 'x');
  while (near_->try_write(filler.data(), filler.size()).has_bytes()) {
  }
  body_ = Body::of(std::string(kSize, 'x'));
  work_ = send_all(10s);
  work_.start();
  settle();
  const std::size_t unsent = stream_.unsent();
  for (int i = 0; i < 10; ++i) {
    advance(9s);
    EXPECT_EQ(far_.receive(1024).size(), 1024u);
    settle();
    ASSERT_FALSE(work_.done()) << i;
    ASSERT_EQ(stream_.unsent(), unsent) << i;
  }
  advance(20s);
  EXPECT_TRUE(failed_with(Errc::timed_out, Side::upstream)) << "nothing was read since";
}

TEST_F(H2BodySenderTest, TimesOutWithoutProgress) {
  send(Body::of(std::string(kSize, 'x')));
  EXPECT_EQ(arrived(), h2_frames::kFirstWindow);
  advance(9s);
  EXPECT_FALSE(work_.done());
  advance(1s);
  EXPECT_TRUE(failed_with(Errc::timed_out, Side::upstream));
}

TEST_F(H2BodySenderTest, SendsAllToAnUpstreamThatOpensItsWindowSlowly) {
  send(Body::of(std::string(kSize, 'x')));
  std::size_t all = arrived();
  while (all < kSize) {
    advance(9s);
    open_window(16'384);
    const std::size_t more = arrived();
    ASSERT_GT(more, 0u) << all;
    all += more;
  }
  EXPECT_EQ(all, kSize);
  EXPECT_FALSE(error());
  EXPECT_TRUE(stream_.has_sent_end());
}

TEST_F(H2BodySenderTest, EndsWithItsStream) {
  send(Body::of(std::string(kSize, 'x')), net::Duration::max());
  say(h2_frames::frame(h2_frames::rst_stream, 0, 1, h2_frames::number(8, 4)));
  EXPECT_TRUE(failed_with(Errc::closed, Side::local));
}

// The sender of a short text of its own does not await send_rest()
// (H2Exchange::send_short_response).
TEST_F(H2BodySenderTest, SendsAShortTextAtOnceEvenWhileMemoryIsShort) {
  open();
  body_ = Body::of("short");
  const ShortOfMemory short_of_memory;
  const auto sent = sender_.try_send(*link_, body_, progress_);
  ASSERT_TRUE(sent);
  EXPECT_TRUE(*sent);
  settle();
  EXPECT_EQ(arrived(), 5u);
  EXPECT_TRUE(stream_.has_sent_end());
}

// An endless body that is always available, in pieces of the requested size, up to 64 KiB.
class ReadyBody final : public PolledBodySource {
 public:
  Poll<bytes> try_read(std::size_t max) override {
    max_ = max;
    content_.assign(std::min<std::size_t>(max, std::size_t{64} << 10), 'x');
    read_ += content_.size();
    return bytes(content_);
  }
  task<void> wait() override { co_return; }
  task<Result<bytes>> read() override { co_return *try_read(0); }
  bool at_end() const noexcept override { return false; }

  std::size_t max_ = 0;
  std::size_t read_ = 0;

 private:
  std::string content_;
};

// Bytes that the upstream does not accept must be kept.
TEST_F(H2BodySenderTest, ReadsLittleAheadWhileMemoryIsShort) {
  auto source = std::make_unique<ReadyBody>();
  const ReadyBody& body = *source;
  const ShortOfMemory short_of_memory;
  send(Body::from(std::move(source)));
  std::size_t all = arrived();
  EXPECT_EQ(all, h2_frames::kFirstWindow);
  EXPECT_EQ(body.max_, kShortPiece);
  EXPECT_LE(body.read_ - all, kShortPiece);
  open_window(1);
  all += arrived();
  EXPECT_LE(body.read_ - all, kShortPiece) << "more is read when all is sent";
}

// --- bodies that lie -----------------------------------------------------------------------------

struct Lie {
  const char* name;
  std::vector<std::string> content;  // of a body that claims four bytes
};
class H2BodySenderLie : public H2BodySenderTest, public ::testing::WithParamInterface<Lie> {};

TEST_P(H2BodySenderLie, Fails) {
  auto source = pieces(GetParam().content);
  source->length_ = 4;
  send(Body::from(std::move(source)));
  EXPECT_TRUE(failed_with(Errc::handler_failed, Side::local));
  EXPECT_FALSE(stream_.has_sent_end());
  EXPECT_LE(arrived(), 4u);
}

INSTANTIATE_TEST_SUITE_P(All,
                         H2BodySenderLie,
                         ::testing::Values(Lie{"Nothing", {}},
                                           Lie{"Shorter", {"abc"}},
                                           Lie{"ShorterInPieces", {"ab", "c"}},
                                           Lie{"Longer", {"abcde"}},
                                           Lie{"LongerInPieces", {"abcd", "e"}}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace onehop::wire
