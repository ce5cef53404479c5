// SPDX-License-Identifier: Apache-2.0
//
// The number of writes that the pieces of a body become.
#include "base/poll.hpp"
#include "http/polled_body_source.hpp"
#include "net/stream.hpp"
#include "support/short_of_memory.hpp"
#include "support/stream_pair.hpp"
#include "wire/h1_output.hpp"
#include "wire/request_claim.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace onehop::wire {
namespace {

using ::testing::ElementsAre;

// A stream that accepts everything and records each write.
class WritesStream final : public net::Stream {
 public:
  explicit WritesStream(io::Reactor& reactor) : Stream(reactor) {}

  using Stream::try_write;
  net::IoResult try_read(char*, std::size_t) override { return net::IoResult::must_wait(); }
  net::IoResult try_write(const iovec* parts, int count) override {
    std::string& all = writes_.emplace_back();
    for (int i = 0; i < count; ++i)
      all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    return all.size();
  }
  void close_write() noexcept override {}
  void abort() noexcept override {}
  bool has_unread() override { return false; }

  std::vector<std::string> writes_;

 protected:
  bool is_readable() const noexcept override { return false; }
  bool is_writable() const noexcept override { return true; }
};

// A body whose pieces are all available.
class ReadyPieces final : public PolledBodySource {
 public:
  explicit ReadyPieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  Poll<bytes> try_read(std::size_t max) override {
    max_ = max;
    return next_ < pieces_.size() ? bytes(pieces_[next_++]) : bytes();
  }
  task<void> wait() override { co_return; }
  task<Result<bytes>> read() override { co_return *try_read(0); }
  bool at_end() const noexcept override { return next_ == pieces_.size(); }

  std::size_t max_ = 0;  // `max` of the last call

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

class H1OutputWrites : public test::StreamPair {
 protected:
  void send(bool flush_at_once) {
    H1Output::BodyOptions options;
    options.flush_at_once = flush_at_once;
    auto pieces = std::make_unique<ReadyPieces>(std::vector<std::string>{"abc", "de", "f"});
    const ReadyPieces& source = *pieces;
    Body body = Body::from(std::move(pieces));
    BodyProgress progress;
    const auto sent = output_.try_send(0, body, options, progress);
    ASSERT_TRUE(sent.has_value());
    EXPECT_TRUE(*sent);
    asked_for_ = source.max_;
  }

  WritesStream stream_{reactor_};
  H1Output output_{stream_, Side::client};
  std::size_t asked_for_ = 0;  // the maximum piece requested of the body
};

TEST_F(H1OutputWrites, CombinesAvailablePieces) {
  send(false);
  EXPECT_THAT(stream_.writes_, ElementsAre("abcdef"));
}

TEST_F(H1OutputWrites, SendsEachPieceSeparatelyWhenFlushing) {
  send(true);
  EXPECT_THAT(stream_.writes_, ElementsAre("abc", "de", "f"));
}

// Bytes that the peer does not accept must be kept.
TEST_F(H1OutputWrites, ReadsLittleAheadWhileMemoryIsShort) {
  send(false);
  EXPECT_GT(asked_for_, kShortPiece);
  const ShortOfMemory short_of_memory;
  send(false);
  EXPECT_EQ(asked_for_, kShortPiece);
}

// One body must not occupy the thread, whatever the size of its pieces.
TEST_F(H1OutputWrites, LetsOtherTasksRunBetweenManySmallPieces) {
  constexpr std::size_t kPieces = 10'000;
  Body body = Body::from(std::make_unique<ReadyPieces>(std::vector<std::string>(kPieces, "x")));
  BodyProgress progress;
  H1Output::BodyOptions options;
  options.coding = Coding::chunked;
  EXPECT_FALSE(output_.try_send(0, body, options, progress));
  EXPECT_LT(progress.sent, kPieces / 2);
  auto rest = output_.send_rest();
  rest.start();
  settle();
  ASSERT_TRUE(rest.done());
  EXPECT_TRUE(rest.take());
  EXPECT_EQ(progress.sent, kPieces);
}

}  // namespace
}  // namespace onehop::wire
