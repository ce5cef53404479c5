// SPDX-License-Identifier: Apache-2.0
//
// Clients that cancel requests must not harm a connection that they share with other clients.
#include "base/held_memory.hpp"
#include "net/memory_stream.hpp"
#include "support/h2_upstream_test.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using h2_frames::number;

class H2CancelTest : public H2UpstreamTest {
 protected:
  static constexpr std::uint32_t kStreams = 200;

  H2CancelTest()
      : H2UpstreamTest(number(3, 2) + number(kStreams, 4) + number(4, 2) + number(1 << 20, 4)) {}
  Asking ask(std::string_view field = {}) {
    return H2UpstreamTest::ask(Request(Method::put, Url::parse("h2c://a/").value(),
                                       Headers({{"Host", "a"}, {"X", field}}), Body::of("")));
  }
  // Returns how many streams were reset.
  std::size_t resets() {
    std::size_t count = 0;
    for (const auto& [stream, message] : streams())
      count += message.reset ? 1 : 0;
    return count;
  }
};

// Clients cancel 60 requests per second, and the upstream is slow.
TEST_F(H2CancelTest, LimitsTheRateOfResetsFromCancellations) {
  std::deque<std::size_t> last_second;
  std::size_t all = 0;
  const auto count = [&] {
    const std::size_t now = resets();
    last_second.push_back(now - std::exchange(all, now));
    if (last_second.size() > 60) last_second.pop_front();
    std::size_t sum = 0;
    for (const std::size_t each : last_second)
      sum += each;
    ASSERT_LT(sum, 33u);
  };
  constexpr std::size_t kCancelled = 180;
  for (std::size_t i = 0; i < kCancelled; ++i) {
    Asking asking = ask();
    ASSERT_FALSE(asking.done());
    {
      const Asking cancelled = std::move(asking);
    }
    settle();
    count();
    advance(1000ms / 60);
  }
  // Another client's request on the same connection.
  Asking other = ask();
  const std::uint32_t stream = 2 * kCancelled + 1;
  far_.send(frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
                  h2_frames::block({{":status", "204"}})));
  settle();
  ASSERT_TRUE(other.done());
  const auto answered = other.take();
  ASSERT_TRUE(answered) << answered.error().to_string();
  for (int i = 0; i < 60 * 12; ++i) {
    advance(1000ms / 60);
    count();
  }
  EXPECT_EQ(all, kCancelled) << "in the end all of them are cancelled";
}

std::size_t held() {
  report_held_memory();
  return held_memory();
}

// The upstream's socket is full, so the resets have not been sent yet.
TEST_F(H2CancelTest, CancelledRequestsCountWhileTheUpstreamDoesNotRead) {
  constexpr std::size_t kHead = 50'000;
  const std::size_t before = held();
  for (std::size_t i = 0; i < 3 * kStreams; ++i)
    const Asking cancelled = ask(std::string(kHead, 'x'));
  EXPECT_LT(held(), before + kStreams * (kHead + 10'000));
}

}  // namespace
}  // namespace onehop::transport
