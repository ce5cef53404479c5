// SPDX-License-Identifier: Apache-2.0
#include "server/proxied_beginning.hpp"

#include "server/worker.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using test::FarEnd;
using test::status_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLine = "PROXY TCP4 203.0.113.7 192.0.2.9 50001 443\r\n";
const char* const kBalancer = "192.0.2.1";

std::string binary(std::string_view client, std::uint16_t port) {
  return net::write_proxy_header({net::ProxyHeader::Ends{
      *net::Address::from_ip(client, port),
      *net::Address::from_ip(client.contains(':') ? "::1" : "1.1.1.1", 1)}});
}

// A worker that has 192.0.2.1 as a balancer.
class ProxiedBeginningTest : public test::StreamPair {
 protected:
  ProxiedBeginningTest() : common_(std::make_shared<ServerShared>()) {
    Server::Options& options = *common_->settings.options;
    options = exchanges_.options();
    options.log = [this](LogLevel level, std::string_view line) {
      lines_.push_back((level == LogLevel::warning ? "warning " : "info ") + std::string(line));
    };
    options.proxy_protocol = {std::string(kBalancer) + "/32"};
  }
  void start() {
    common_->set_limits();
    common_->admission.set_max_connections(100);
    ASSERT_TRUE(common_->settings.make_trusted());
    ASSERT_TRUE(common_->settings.make_tls(common_->log_of_tls()));
    worker_ = std::make_unique<Worker>(
        reactor_, common_, make_handler([this](const Request& request) {
          const ConnectionInfo& info = request.connection();
          seen_.push_back(std::string(info.peer) + ":" + std::to_string(info.peer_port) + " " +
                          std::string(info.client) + (info.peer_is_trusted ? " trusted" : ""));
          return Response(Status::ok);
        }));
  }
  FarEnd connect(const char* peer = kBalancer, bool with_tls = false) {
    if (!worker_) start();
    auto [near, far] = net::make_memory_pair(reactor_);
    worker_->adopt(std::move(near), AcceptedFrom(*net::Address::from_ip(peer, 5), "s:80"),
                   with_tls);
    return FarEnd(std::move(far));
  }
  std::string exchange(FarEnd& end, std::string_view text) {
    end.send(text);
    settle();
    return end.receive();
  }
  std::uint64_t refused(Refusal why = Refusal::proxy_header) const {
    ServerMetrics metrics;
    worker_->add_to(metrics);
    return metrics.refused_total(why);
  }
  Server::Options& options() { return *common_->settings.options; }
  std::size_t connections() const { return common_->admission.connections(); }

  std::vector<std::string> lines_;
  std::vector<std::string> seen_;  // "PEER:PORT CLIENT" of each request
  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(ProxiedBeginningTest, TheClientInTheHeaderIsThePeer) {
  FarEnd line = connect();
  EXPECT_EQ(status_of(exchange(line, std::string(kLine).append(kGet))), 200);
  EXPECT_EQ(status_of(exchange(line, kGet)), 200) << "the header is that of the connection";
  FarEnd v6 = connect();
  EXPECT_EQ(status_of(exchange(v6, binary("2001:db8::1", 9).append(kGet))), 200);
  EXPECT_THAT(seen_, ElementsAre("203.0.113.7:50001 203.0.113.7", "203.0.113.7:50001 203.0.113.7",
                                 "2001:db8::1:9 2001:db8::1"));
  EXPECT_EQ(exchanges_.last().peer, "2001:db8::1");
  EXPECT_EQ(exchanges_.last().client, "2001:db8::1");
  EXPECT_EQ(refused(), 0u);
}

TEST_F(ProxiedBeginningTest, ParsesAHeaderSplitAnywhere) {
  for (const std::string& header : {std::string(kLine), binary("203.0.113.7", 50'001)}) {
    const std::string all = header + std::string(kGet);
    for (std::size_t cut = 1; cut < all.size(); ++cut) {
      FarEnd end = connect();
      EXPECT_EQ(exchange(end, all.substr(0, cut)), "");
      EXPECT_EQ(status_of(exchange(end, all.substr(cut))), 200) << cut;
    }
    FarEnd end = connect();
    for (std::size_t i = 0; i + 1 < all.size(); ++i)
      EXPECT_EQ(exchange(end, all.substr(i, 1)), "");
    EXPECT_EQ(status_of(exchange(end, all.substr(all.size() - 1))), 200);
  }
  for (const std::string& seen : seen_)
    EXPECT_EQ(seen, "203.0.113.7:50001 203.0.113.7");
}

TEST_F(ProxiedBeginningTest, PrecedesHttp2) {
  FarEnd end = connect();
  const std::string head = h2_frames::block(
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
  using namespace h2_frames;  // NOLINT(google-build-using-namespace)
  exchange(end, std::string(kLine) + std::string(kPreface) + frame(settings, 0, 0) +
                    frame(headers, kEndHeaders | kEndStream, 1, head));
  EXPECT_THAT(seen_, ElementsAre("203.0.113.7:50001 203.0.113.7"));
}

TEST_F(ProxiedBeginningTest, AHeaderWithoutAClientKeepsThePeer) {
  for (const std::string& header :
       {std::string("PROXY UNKNOWN\r\n"), std::string("PROXY UNKNOWN 203.0.113.7 1 2 3\r\n"),
        net::write_proxy_header({})}) {
    FarEnd end = connect();
    EXPECT_EQ(status_of(exchange(end, header + std::string(kGet))), 200);
    EXPECT_EQ(seen_.back(), "192.0.2.1:5 192.0.2.1");
  }
}

TEST_F(ProxiedBeginningTest, AUnixClientHasNoAddress) {
  options().trust = {"unix"};
  FarEnd end = connect();
  std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8", 16);
  header.append(216, '\0');
  EXPECT_EQ(status_of(exchange(end, header + std::string(kGet))), 200);
  EXPECT_THAT(seen_, ElementsAre(":0  trusted"));
}

TEST_F(ProxiedBeginningTest, ABalancerWithoutAHeaderIsRefused) {
  for (const std::string_view text : {kGet, std::string_view("\x16\x03\x01\0\5hello", 10),
                                      std::string_view("PROXY TCP4 a b c d\r\n")}) {
    FarEnd end = connect();
    EXPECT_EQ(exchange(end, text), "");
    EXPECT_NE(end.ending(), "");
  }
  EXPECT_THAT(seen_, IsEmpty());
  EXPECT_EQ(refused(), 3u);
  EXPECT_EQ(connections(), 0u);
  ASSERT_THAT(lines_, SizeIs(3));
  EXPECT_EQ(lines_[0],
            "warning no PROXY header: peer=192.0.2.1:5 listener=s:80 failure=\"PROXY header: the "
            "connection begins with something else\"");
  EXPECT_THAT(lines_[1], StartsWith("info no PROXY header: "));
  EXPECT_THAT(lines_[2], StartsWith("info no PROXY header: "));
  advance(10s);
  EXPECT_EQ(lines_.back(), "warning no PROXY header (2 more since the last such line)");
}

// Otherwise each client could choose its own address.
TEST_F(ProxiedBeginningTest, RejectsHeadersFromOtherPeers) {
  for (const std::string& header : {std::string(kLine), binary("203.0.113.7", 50'001)}) {
    FarEnd end = connect("192.0.2.2");
    EXPECT_EQ(status_of(exchange(end, header + std::string(kGet))), 400);
  }
  EXPECT_THAT(seen_, IsEmpty());
  EXPECT_EQ(exchanges_.last().peer, "192.0.2.2");
  FarEnd end = connect("192.0.2.2");
  EXPECT_EQ(status_of(exchange(end, kGet)), 200);
  EXPECT_THAT(seen_, ElementsAre("192.0.2.2:5 192.0.2.2"));
  EXPECT_EQ(refused(), 0u);
}

TEST_F(ProxiedBeginningTest, OnlyOneHeaderIsRead) {
  FarEnd end = connect();
  const std::string second = "PROXY TCP4 198.51.100.1 192.0.2.9 1 443\r\n";
  EXPECT_EQ(status_of(exchange(end, std::string(kLine) + second + std::string(kGet))), 400);
  EXPECT_EQ(exchanges_.last().peer, "203.0.113.7");
}

TEST_F(ProxiedBeginningTest, HasToArriveWithinTheHeaderTimeout) {
  options().header_timeout = 15s;
  FarEnd silent = connect();
  FarEnd slow = connect();
  for (int i = 0; i < 14; ++i) {
    EXPECT_EQ(exchange(slow, kLine.substr(static_cast<std::size_t>(i), 1)), "");
    advance(1s);
  }
  EXPECT_EQ(silent.ending(), "");
  EXPECT_EQ(slow.ending(), "") << refused();
  advance(1s);
  EXPECT_EQ(silent.ending(), "end");
  EXPECT_NE(slow.ending(), "") << "bytes do not extend it";
  EXPECT_EQ(refused(), 2u);
  EXPECT_THAT(lines_[0], HasSubstr("it did not arrive in time"));
}

TEST_F(ProxiedBeginningTest, AProbeOfThePortIsNotARefusal) {
  FarEnd end = connect();
  end.close();
  settle();
  EXPECT_EQ(refused(), 0u);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], StartsWith("info no PROXY header: "));
  FarEnd cut = connect();
  cut.send(kLine.substr(0, 20));
  settle();
  cut.close_write();
  settle();
  EXPECT_EQ(refused(), 1u);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(ProxiedBeginningTest, BuffersNoMoreThanOneHeader) {
  start();
  const auto held_and_promised = [] {
    report_held_memory();
    report_promised_memory();
    return std::pair(held_memory(), promised_memory());
  };
  std::string begin("\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\x00", 16);  // 4096 bytes follow
  const auto before = held_and_promised();
  {
    FarEnd end = connect();
    settle();
    const std::size_t kSmall = 64;
    EXPECT_LE(held_and_promised().second - before.second, net::ProxyHeader::kMaxSize);
    EXPECT_GE(held_and_promised().second - before.second, net::ProxyHeader::kMaxSize - kSmall);
    exchange(end, begin + std::string(4095, 'x'));
    const auto [held, promised] = held_and_promised();
    EXPECT_GE(held - before.first, net::ProxyHeader::kMaxSize);
    EXPECT_LE(held - before.first, 2 * net::ProxyHeader::kMaxSize) << "with the object itself";
    EXPECT_EQ(promised, before.second) << "it is held now";
    EXPECT_EQ(end.ending(), "");
  }
  settle();
  EXPECT_EQ(held_and_promised(), before);
  FarEnd end = connect();
  begin.back() = '\1';
  exchange(end, begin);
  EXPECT_THAT(lines_.back(), HasSubstr("more than 4096 bytes"));
}

TEST_F(ProxiedBeginningTest, AppliesTrustToTheAddressInTheHeader) {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n";
  options().trust = {"203.0.113.0/24"};
  FarEnd trusted = connect();
  exchange(trusted, std::string(kLine) + get);
  EXPECT_EQ(seen_.back(), "203.0.113.7:50001 198.51.100.9 trusted");
  worker_.reset();
  options().trust = {"192.0.2.0/24"};
  FarEnd untrusted = connect();
  exchange(untrusted, std::string(kLine) + get);
  EXPECT_EQ(seen_.back(), "203.0.113.7:50001 203.0.113.7") << "only the balancer is trusted";
}

TEST_F(ProxiedBeginningTest, AppliesLimitsToTheClientInTheHeader) {
  options().max_connections_per_client = 1;
  FarEnd first = connect();
  FarEnd second = connect();
  FarEnd third = connect();
  EXPECT_EQ(connections(), 3u) << "until the header is there, no client is limited";
  EXPECT_EQ(status_of(exchange(first, std::string(kLine).append(kGet))), 200);
  EXPECT_EQ(status_of(exchange(second, binary("203.0.113.8", 1).append(kGet))), 200);
  EXPECT_EQ(exchange(third, std::string(kLine).append(kGet)), "");
  EXPECT_NE(third.ending(), "");
  EXPECT_EQ(refused(Refusal::client_limit), 1u);
  EXPECT_THAT(lines_.back(), HasSubstr("the last from 203.0.113.7"));
  first.close();
  settle();
  FarEnd again = connect();
  EXPECT_EQ(status_of(exchange(again, std::string(kLine).append(kGet))), 200);
  FarEnd own = connect();
  EXPECT_EQ(status_of(exchange(own, net::write_proxy_header({}).append(kGet))), 200);
  FarEnd another = connect();
  EXPECT_EQ(exchange(another, net::write_proxy_header({}).append(kGet)), "")
      << "LOCAL counts against the balancer";
}

TEST_F(ProxiedBeginningTest, ADrainDoesNotWaitLongForAHeader) {
  FarEnd silent = connect();
  FarEnd begun = connect();
  exchange(begun, kLine.substr(0, 20));
  bool is_drained = false;
  worker_->drain(reactor_.now() + 1min, [&] { is_drained = true; });
  advance(1s);
  EXPECT_EQ(silent.ending(), "end");
  EXPECT_EQ(begun.ending(), "");
  EXPECT_EQ(status_of(exchange(begun, std::string(kLine.substr(20)).append(kGet))), 200);
  settle();
  EXPECT_TRUE(is_drained);
  EXPECT_FALSE(worker_->was_cut());
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(ProxiedBeginningTest, ADrainLimitsTheWaitForAPartialHeader) {
  FarEnd begun = connect();
  exchange(begun, kLine.substr(0, 20));
  bool is_drained = false;
  worker_->drain(reactor_.now() + 1min, [&] { is_drained = true; });
  advance(4s);
  EXPECT_FALSE(is_drained);
  advance(1s);
  EXPECT_TRUE(is_drained);
  EXPECT_FALSE(worker_->was_cut());
}

// The handshake begins after the drain, so the drain has not interrupted it.
TEST_F(ProxiedBeginningTest, ADrainDuringTheHeaderLimitsTheTlsHandshake) {
  options().tls.emplace();
  options().tls->self_signed = true;
  FarEnd silent = connect(kBalancer, true);
  FarEnd begun = connect(kBalancer, true);
  exchange(silent, kLine.substr(0, 20));
  exchange(begun, kLine.substr(0, 20));
  bool is_drained = false;
  worker_->drain(reactor_.now() + 1min, [&] { is_drained = true; });
  exchange(silent, kLine.substr(20));
  exchange(begun, std::string(kLine.substr(20)).append("\x16\x03\x01"));
  advance(900ms);
  EXPECT_EQ(connections(), 2u);
  advance(200ms);
  EXPECT_EQ(silent.ending(), "end");
  EXPECT_EQ(connections(), 1u);
  advance(3800ms);
  EXPECT_EQ(connections(), 1u);
  advance(200ms);
  EXPECT_TRUE(is_drained);
  EXPECT_FALSE(worker_->was_cut());
  EXPECT_EQ(connections(), 0u);
}

TEST(ProxyProtocolOptions, AreValidated) {
  const auto problem = [](Server::Options options) {
    options.listen = "127.0.0.1:0";
    options.log = [](LogLevel, std::string_view) {};
    Server server(std::move(options));
    const auto started = server.start(make_handler([](Request) { return Response(Status::ok); }));
    return started ? std::string() : std::string(started.error().detail());
  };
  Server::Options options;
  options.proxy_protocol = {"10.0.0.0/8", "balancer"};
  EXPECT_THAT(problem(options), StartsWith("proxy_protocol: "));
  EXPECT_THAT(problem(options), HasSubstr("balancer"));
  EXPECT_THAT(problem({.trust = {"balancer"}}), StartsWith("trust: 'balancer' "));
  options.proxy_protocol = {"10.0.0.0/8", "unix"};
  EXPECT_EQ(problem(options), "");
  options.proxy_protocol_listeners = {"127.0.0.1:0"};
  EXPECT_EQ(problem(options), "");
  options.proxy_protocol_listeners = {"127.0.0.1:81"};
  EXPECT_EQ(problem(options), "proxy_protocol_listeners: 127.0.0.1:81 is not in `listen`");
  options.proxy_protocol = {};
  EXPECT_EQ(problem(options), "proxy_protocol_listeners: proxy_protocol names no peers");
}

}  // namespace
}  // namespace onehop::server
