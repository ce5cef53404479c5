// SPDX-License-Identifier: Apache-2.0

#include <onehop/body.hpp>

#include "http/message_access.hpp"
#include "http/polled_body_source.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

template <class T>
T run(task<T> work) {
  EXPECT_TRUE(work.start());
  return work.take();
}

class Pieces final : public BodySource {
 public:
  explicit Pieces(std::vector<std::string> pieces, std::optional<Errc> then = {})
      : pieces_(std::move(pieces)), then_(then) {}

  task<Result<bytes>> read() override {
    if (next_ < pieces_.size()) co_return bytes(pieces_[next_++]);
    if (then_) co_return failure(*then_, Side::upstream);
    co_return bytes();
  }

 private:
  std::vector<std::string> pieces_;
  std::optional<Errc> then_;
  std::size_t next_ = 0;
};

TEST(Body, EmptyBody) {
  for (Body body = Body(); Body * b : {&body}) {
    EXPECT_TRUE(b->is_empty());
    EXPECT_EQ(b->length(), 0U);
    EXPECT_EQ(run(b->read()).value(), "");
    EXPECT_TRUE(b->trailers().empty());
  }
  EXPECT_TRUE(Body::of("").is_empty());
}

TEST(Body, ATextIsReadOnce) {
  Body body = Body::of("hello");
  EXPECT_FALSE(body.is_empty());
  EXPECT_EQ(body.length(), 5U);
  EXPECT_EQ(run(body.read()).value(), "hello");
  EXPECT_EQ(run(body.read()).value(), "");
}

TEST(Body, ATextCanBePolled) {
  Body body = Body::of("hello");
  PolledBodySource* source = MessageAccess::polled(*MessageAccess::source(body));
  ASSERT_NE(source, nullptr);
  EXPECT_FALSE(source->at_end());
  EXPECT_EQ(source->try_read(100).value().value(), "hello");
  EXPECT_TRUE(source->at_end());
  EXPECT_EQ(source->try_read(100).value().value(), "");
}

TEST(Body, ReadAllJoinsThePieces) {
  const std::vector<std::string> pieces = {"ab", "c", "def"};
  Body body = Body::from(std::make_unique<Pieces>(pieces));
  EXPECT_EQ(body.length(), std::nullopt);
  EXPECT_EQ(run(body.read_all(6)).value(), "abcdef");
}

TEST(Body, ReadAllStopsAtItsLimit) {
  const std::vector<std::string> pieces = {"ab", "c", "def"};
  Body body = Body::from(std::make_unique<Pieces>(pieces));
  const Result<std::string> text = run(body.read_all(5));
  ASSERT_FALSE(text.has_value());
  EXPECT_TRUE(text.error().is(Errc::limit_exceeded));
}

TEST(Body, ReadAllPropagatesErrors) {
  const std::vector<std::string> pieces = {"ab"};
  Body body = Body::from(std::make_unique<Pieces>(pieces, Errc::truncated));
  const Result<std::string> text = run(body.read_all(100));
  ASSERT_FALSE(text.has_value());
  EXPECT_TRUE(text.error().is(Errc::truncated));
}

}  // namespace
}  // namespace onehop
