// SPDX-License-Identifier: Apache-2.0
//
// Clients that cancel: what they may do to a connection to an upstream that others share.
#include "base/held_memory.hpp"
#include "net/memory_stream.hpp"
#include "support/h2_peer.hpp"
#include "support/stream_pair.hpp"
#include "transport/connection_pool.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/h2_round_trip.hpp"

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

// Connects once.
class OneDialer final : public net::Dialer {
 public:
  explicit OneDialer(std::unique_ptr<net::MemoryStream> stream) : stream_(std::move(stream)) {}
  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    if (!stream_) co_return failure(Errc::connect_failed, Side::upstream);
    co_return net::Dialled(std::move(stream_), destination.host);
  }

 private:
  std::unique_ptr<net::MemoryStream> stream_;
};

class H2CancelTest : public test::StreamPair {
 protected:
  static constexpr std::uint32_t kStreams = 200;

  H2CancelTest()
      : pool_(reactor_,
              std::make_shared<SharedPools>(Transport::Options()),
              std::make_unique<OneDialer>(std::move(near_))) {
    far_.send(frame(h2_frames::settings, 0, 0,
                    number(3, 2) + number(kStreams, 4) + number(4, 2) + number(1 << 20, 4)));
  }
  struct Asking {
    std::unique_ptr<Request> request;
    std::unique_ptr<Resend> resend;
    task<std::optional<Result<Response>>> answer;
  };
  Asking ask(std::string content, std::string_view field = {}) {
    auto request = std::make_unique<Request>(Method::put, Url::parse("h2c://a/").value(),
                                             Headers({{"Host", "a"}, {"X", field}}),
                                             Body::of(std::move(content)));
    auto resend = std::make_unique<Resend>(pool_.context(), *request);
    auto answer = h2_round_trip(pool_, *request, *resend);
    answer.start();
    settle();
    return {std::move(request), std::move(resend), std::move(answer)};
  }
  // What the upstream reads, and when it was reset.
  std::size_t resets() {
    std::string data = far_.receive();
    peer_.take(data);
    std::size_t count = 0;
    for (const auto& [stream, message] : peer_.streams())
      count += message.reset ? 1 : 0;
    return count;
  }

  ConnectionPool pool_;
  test::H2Peer peer_;
};

// 60 requests a second are cancelled, and the upstream takes its time for each.
TEST_F(H2CancelTest, OneClientThatCancelsDoesNotMakeTheUpstreamEndTheConnection) {
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
    Asking asking = ask("");
    ASSERT_FALSE(asking.answer.done());
    {
      const Asking cancelled = std::move(asking);
    }
    settle();
    count();
    advance(1000ms / 60);
  }
  // Somebody else's request on the same connection.
  Asking other = ask("");
  const std::uint32_t stream = 2 * kCancelled + 1;
  far_.send(frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
                  h2_frames::block({{":status", "204"}})));
  settle();
  ASSERT_TRUE(other.answer.done());
  const auto answered = other.answer.take();
  ASSERT_TRUE(*answered) << (*answered).error().to_string();
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

// Its socket is full, and what was cancelled is still to be told.
TEST_F(H2CancelTest, CancelledRequestsCountWhileTheUpstreamDoesNotRead) {
  constexpr std::size_t kHead = 50'000;
  const std::size_t before = held();
  for (std::size_t i = 0; i < 3 * kStreams; ++i)
    const Asking cancelled = ask("", std::string(kHead, 'x'));
  EXPECT_LT(held(), before + kStreams * (kHead + 10'000));
}

}  // namespace
}  // namespace onehop::transport
