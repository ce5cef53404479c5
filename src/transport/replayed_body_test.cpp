// SPDX-License-Identifier: Apache-2.0
#include "transport/replayed_body.hpp"

#include "base/held_memory.hpp"
#include "base/poll.hpp"
#include "http/polled_body_source.hpp"
#include "support/bodies.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

// A client's content that has not arrived.
class Awaited final : public PolledBodySource {
 public:
  task<Result<bytes>> read() override { co_return bytes(); }
  Poll<bytes> try_read(std::size_t) override { return std::nullopt; }
  task<void> wait() override { co_return; }
  bool at_end() const noexcept override { return false; }
};

// Takes back a body whose copy is "copied" while a read() of it is in progress.
std::optional<Body> taken_back(Body body) {
  HeldString copy;
  copy = "copied";
  wire::BodyProgress progress;
  progress.sent = copy.size();
  progress.copy = &copy;
  progress.is_reading = true;
  return take_back(progress, std::move(copy), std::move(body), false);
}

TEST(ReplayedBody, IsNotSentAgainIfAPieceOfAProgramsSourceIsLost) {
  EXPECT_FALSE(taken_back(Body::from(test::pieces({"next"}))));
}

// The second attempt reads the client's content by way of the first one's copy.
TEST(ReplayedBody, KeepsAClientsContentThroughEachAttempt) {
  auto body = taken_back(Body::from(std::make_unique<Awaited>()));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(body) << i;
    body = taken_back(std::move(*body));
  }
}

}  // namespace
}  // namespace onehop::transport
