// SPDX-License-Identifier: Apache-2.0
#include "proxy/hop_count.hpp"

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/messages.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

Headers with_hops(int count) {
  Headers headers({{"Host", "h"}, {"X-Forwarded-For", "192.0.2.1"}});
  for (int i = 0; i < count; ++i)
    headers.add("CDN-Loop", "onehop");
  return headers;
}

TEST(HopCount, DoesNotCountARequestThatNamesNoProxy) {
  Headers headers({{"Host", "h"}, {"CDN-Loop", "onehop, onehop"}});
  EXPECT_TRUE(count_hop(headers));
  EXPECT_EQ(headers.size(), 2u);
}

// A pass over a unix socket does not set X-Forwarded-For, because its peers have no address. The
// loop must end all the same.
TEST(HopCount, CountsAHopOverAUnixSocket) {
  Headers headers({{"Host", "h"}, {"X-Forwarded-Proto", "http"}});
  for (int pass = 0; pass < kMaxHops; ++pass)
    EXPECT_TRUE(count_hop(headers)) << pass;
  EXPECT_FALSE(count_hop(headers));
}

TEST(HopCount, AddsAHopAfterAnotherProxy) {
  Headers headers = with_hops(0);
  headers.add("CDN-Loop", "cdn.example; v=1");
  EXPECT_TRUE(count_hop(headers));
  EXPECT_EQ(headers.get_all("CDN-Loop").size(), 2u);
  EXPECT_EQ(headers.get_all("CDN-Loop").front(), "cdn.example; v=1");
  EXPECT_EQ(headers.get_all("CDN-Loop").back(), "onehop");
}

TEST(HopCount, RejectsOneMoreHopThanTheLimit) {
  Headers chain = with_hops(kMaxHops - 1);
  EXPECT_TRUE(count_hop(chain));
  Headers circle = with_hops(kMaxHops);
  const auto counted = count_hop(circle);
  ASSERT_FALSE(counted);
  EXPECT_TRUE(counted.error().is(Errc::loop_detected));
}

TEST(HopCount, CountsMembersOfAllLinesInAnyCaseAndWithParameters) {
  Headers headers({{"X-Forwarded-For", "192.0.2.1"},
                   {"cdn-loop", "onehop, ONEHOP;a=b ,other, onehop ; c"},
                   {"CDN-LOOP", "onehop,onehop,onehop,onehop,onehop,onehop"}});
  EXPECT_TRUE(count_hop(headers));
  EXPECT_FALSE(count_hop(headers));  // 9, and the one just added
}

// Without the limit, the loop would open connections until no descriptor is left.
TEST(HopCount, RespondsWith508ToALoop) {
  testing::Network network;
  const auto transport = std::make_shared<Transport>(network.transport_options());
  const test::ExchangeLog exchanges;
  ReverseProxy::Options options;
  options.transport = transport;
  options.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("http://proxy").value());
  };
  network.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(options)),
                exchanges.options());
  testing::Wire client = network.connect("proxy:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(test::status_of(client.receive()), 508);
  EXPECT_EQ(exchanges.size(), static_cast<std::size_t>(kMaxHops) + 2);
  EXPECT_EQ(transport->statistics().dialled, static_cast<std::uint64_t>(kMaxHops) + 1);
}

}  // namespace
}  // namespace onehop
