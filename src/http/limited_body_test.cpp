// SPDX-License-Identifier: Apache-2.0
#include "http/limited_body.hpp"

#include "http/message_access.hpp"
#include "http/polled_body_source.hpp"
#include "support/bodies.hpp"
#include "support/scripted_upstream.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::run_at_once;

// PolledPieces returns pieces that can be polled, like the content of a connection.
class PolledPieces final : public PolledBodySource {
 public:
  explicit PolledPieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
    trailers_.add("X-Trailer", "t");
  }
  task<Result<bytes>> read() override { co_return next(); }
  std::optional<Result<bytes>> try_read(std::size_t) override {
    if (std::exchange(waits_, false)) return std::nullopt;
    return next();
  }
  task<void> wait() override { co_return; }
  bool at_end() const noexcept override { return next_ == pieces_.size(); }
  const Headers& trailers() const override { return trailers_; }

  bool waits_ = false;

 private:
  Result<bytes> next() { return at_end() ? bytes() : bytes(pieces_[next_++]); }

  std::vector<std::string> pieces_;
  Headers trailers_;
  std::size_t next_ = 0;
};

Request request_with(std::unique_ptr<BodySource> source) {
  Request request = test::from_client();
  request.set_body(Body::from(std::move(source)));
  return request;
}

PolledBodySource& polled(Request& request) {
  return *MessageAccess::polled(*MessageAccess::source(request.body()));
}

TEST(LimitedBody, ChecksAKnownLengthAtOnce) {
  Request fits = test::from_client();
  fits.set_body(Body::of("12345"));
  EXPECT_TRUE(limit_body(fits, 5));
  EXPECT_EQ(test::text_of(fits.body()), "12345");
  Request larger = test::from_client();
  larger.set_body(Body::of("123456"));
  const Result<void> refused = limit_body(larger, 5);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::body_too_large));
  EXPECT_EQ(refused.error().side(), Side::client);
  Request none = test::from_client();
  EXPECT_TRUE(limit_body(none, 0));
  EXPECT_TRUE(none.body().is_empty());
}

TEST(LimitedBody, CountsContentOfUnknownLengthAsItIsRead) {
  Request fits = request_with(test::pieces({"12", "345"}));
  ASSERT_TRUE(limit_body(fits, 5));
  EXPECT_EQ(test::text_of(fits.body()), "12345");
  Request larger = request_with(test::pieces({"12", "345", "6"}));
  ASSERT_TRUE(limit_body(larger, 5));
  EXPECT_EQ(run_at_once(larger.body().read()).value(), "12");
  EXPECT_EQ(run_at_once(larger.body().read()).value(), "345");
  const auto over = run_at_once(larger.body().read());
  ASSERT_FALSE(over);
  EXPECT_TRUE(over.error().is(Errc::body_too_large));
}

TEST(LimitedBody, PropagatesAnErrorOfTheSource) {
  auto source = test::pieces({"12"});
  source->fails_ = true;
  Request request = request_with(std::move(source));
  ASSERT_TRUE(limit_body(request, 5));
  EXPECT_EQ(run_at_once(request.body().read()).value(), "12");
  EXPECT_TRUE(run_at_once(request.body().read()).error().is(Errc::truncated));
}

TEST(LimitedBody, KeepsAPolledSourcePolled) {
  auto source = std::make_unique<PolledPieces>(std::vector<std::string>{"12", "345"});
  source->waits_ = true;
  Request request = request_with(std::move(source));
  ASSERT_TRUE(limit_body(request, 5));
  PolledBodySource& limited = polled(request);
  EXPECT_FALSE(limited.try_read(100));
  run_at_once(limited.wait());
  EXPECT_EQ(limited.try_read(100)->value(), "12");
  EXPECT_FALSE(limited.at_end());
  EXPECT_EQ(limited.try_read(100)->value(), "345");
  EXPECT_TRUE(limited.at_end());
  EXPECT_EQ(limited.try_read(100)->value(), "");
  EXPECT_EQ(limited.trailers().get("X-Trailer"), "t");
}

// The piece that exceeds the limit may be the last piece of the body.
TEST(LimitedBody, IsNotAtItsEndPastTheLimit) {
  Request request = request_with(std::make_unique<PolledPieces>(std::vector<std::string>{"123"}));
  ASSERT_TRUE(limit_body(request, 2));
  PolledBodySource& limited = polled(request);
  for (int i = 0; i < 2; ++i) {
    const auto over = limited.try_read(100);
    ASSERT_TRUE(over);
    ASSERT_FALSE(*over);
    EXPECT_TRUE(over->error().is(Errc::body_too_large));
    EXPECT_FALSE(limited.at_end());
  }
  EXPECT_TRUE(run_at_once(request.body().read()).error().is(Errc::body_too_large));
}

}  // namespace
}  // namespace onehop
