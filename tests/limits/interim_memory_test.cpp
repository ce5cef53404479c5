// SPDX-License-Identifier: Apache-2.0
//
// Tests how much memory the proxy uses for interim responses, over every pair of HTTP versions.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "base/held_memory.hpp"
#include "support/messages.hpp"
#include "support/plain_peers.hpp"

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {
namespace {

// Fewer than --max-informational; only the size matters here.
constexpr int kHints = 60;
constexpr std::size_t kSize = 30'000;
// 64 KiB each on the receiving and the sending side, and the overhead of keeping them.
constexpr std::size_t kMaxHeld = std::size_t{512} * 1024;

class InterimMemory : public ::testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  InterimMemory() {
    network_.listen("backend:80");
    Transport::Options transport;
    transport.dialer = network_.dialer();
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    const auto [client, backend] = GetParam();
    const char* const url = backend ? "h2c://backend:80" : "http://backend:80";
    proxy.rewrite = [url](ProxyRequest& request) { request.set_url(Url::parse(url).value()); };
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch({}));
    client_ = plain_client(client, network_.connect("proxy:80"));
    backend_ = plain_backend(backend, network_);
    client_->ask("/", {});
    EXPECT_TRUE(backend_->asked());
    before_ = held();
  }
  static std::size_t held() {
    report_held_memory();
    return held_memory();
  }

  const Lines hint_ = {{"link", std::string(kSize, 'l')}};
  ExchangeLog exchanges_;
  testing::Network network_;
  std::unique_ptr<PlainClient> client_;
  std::unique_ptr<PlainBackend> backend_;
  std::size_t before_ = 0;
};

TEST_P(InterimMemory, IsFreedOnceSent) {
  for (int i = 0; i < kHints; ++i) {
    backend_->hint(hint_);
    client_->reply();
  }
  EXPECT_LT(held(), before_ + kMaxHeld);
  backend_->answer({});
  EXPECT_EQ(client_->reply().status, 200);
}

TEST_P(InterimMemory, IsBoundedForAClientThatDoesNotRead) {
  for (int i = 0; i < kHints; ++i)
    backend_->hint(hint_);
  EXPECT_LT(held(), before_ + kMaxHeld);
  backend_->answer({});
  PlainReply reply;
  for (int i = 0; i < 10 && !reply.is_whole; ++i)
    reply = client_->reply();
  EXPECT_EQ(reply.status, 200);
}

INSTANTIATE_TEST_SUITE_P(EveryPair,
                         InterimMemory,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param) ? "H2" : "H1") + "To" +
                                  (std::get<1>(tested.param) ? "H2" : "H1");
                         });

}  // namespace
}  // namespace onehop::test
