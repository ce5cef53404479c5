// SPDX-License-Identifier: Apache-2.0
#include "server/configuration.hpp"

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "io/event.hpp"
#include "net/memory_stream.hpp"
#include "server/worker.hpp"
#include "support/messages.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Echoes what is written to it, and then ends.
class EchoTunnel final : public Tunnel {
 public:
  explicit EchoTunnel(io::Reactor& reactor) : written_(reactor) {}
  task<Result<bytes>> read() override {
    while (text_.empty() && !closed_)
      co_await written_.wait();
    given_ = std::exchange(text_, {});
    co_return bytes(given_);
  }
  task<Result<void>> write(bytes data) override {
    text_ += data;
    written_.set();
    co_return Result<void>();
  }
  void close_write() override {
    closed_ = true;
    written_.set();
  }

 private:
  io::Event written_;
  bool closed_ = false;
  std::string text_;
  std::string given_;
};

class ConfigurationTest : public ::testing::Test {
 protected:
  ConfigurationTest() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = options_named("first");
    worker_ = std::make_unique<Worker>(reactor_, common_, handler_named("first"));
  }

  // Returns options that record the requests under `name`.
  Server::Options options_named(const std::string& name) {
    Server::Options options;
    options.on_exchange_end = [this, name](const ExchangeRecord& record) {
      ended_.push_back(name + ' ' + std::to_string(record.status));
    };
    return options;
  }
  // Returns a handler that responds with `name`, to some requests late. Counts destroyed handlers.
  std::shared_ptr<const Handler> handler_named(const std::string& name) {
    struct Named final : Handler {
      Named(ConfigurationTest& t, std::string n) : test(t), name(std::move(n)) {}
      ~Named() override { ++test.handlers_gone_; }
      Named(const Named&) = delete;
      Named& operator=(const Named&) = delete;
      task<Response> serve(Request request) const override {
        if (request.url().path() == "/late") co_await sleep_for(10s);
        if (request.url().path() != "/tunnel") co_return Response(Status::ok, name);
        Response response(Status::switching_protocols);
        response.headers().set("Upgrade", "echo");
        response.set_tunnel(std::make_unique<EchoTunnel>(test.reactor_));
        co_return response;
      }
      ConfigurationTest& test;
      std::string name;
    };
    return std::make_shared<Named>(*this, name);
  }
  void reconfigure(const std::string& name) {
    Settings next;
    *next.options = options_named(name);
    worker_->prepare(next, [&] { return handler_named(name); });
    worker_->commit();
  }

  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  std::unique_ptr<net::MemoryStream> connect() {
    auto [near, far] = net::make_memory_pair(reactor_);
    worker_->adopt(std::move(far), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                   false);
    settle();
    return std::move(near);
  }
  void send(net::MemoryStream& stream, std::string_view text) {
    stream.try_write(text.data(), text.size());
    settle();
  }
  static std::string receive(net::MemoryStream& stream) {
    std::string text(4096, '\0');
    const net::IoResult got = stream.try_read(text.data(), text.size());
    text.resize(got.count());
    return text;
  }

  std::vector<std::string> ended_;
  int handlers_gone_ = 0;
  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(ConfigurationTest, ARequestInProgressKeepsItsConfiguration) {
  const auto late = connect();
  const auto idle = connect();
  send(*late, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  reconfigure("second");
  EXPECT_EQ(handlers_gone_, 0) << "a request uses the first";
  send(*idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(receive(*idle), EndsWith("\r\n\r\nsecond"));
  reactor_.set_time(reactor_.now() + 10s);
  settle();
  EXPECT_THAT(receive(*late), EndsWith("\r\n\r\nfirst"));
  EXPECT_EQ(handlers_gone_, 1) << "no request uses the first any more";
  send(*late, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(receive(*late), EndsWith("\r\n\r\nsecond"));
  EXPECT_THAT(ended_, ElementsAre("second 200", "first 200", "second 200"));
}

TEST_F(ConfigurationTest, ATunnelKeepsItsConfiguration) {
  auto client = connect();
  send(*client, "GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  EXPECT_THAT(receive(*client), StartsWith("HTTP/1.1 101 "));
  reconfigure("second");
  send(*client, "still here");
  EXPECT_EQ(receive(*client), "still here");
  EXPECT_EQ(handlers_gone_, 0);
  client->close_write();
  settle();
  EXPECT_THAT(ended_, ElementsAre("first 101"));
  EXPECT_EQ(handlers_gone_, 1);
}

TEST_F(ConfigurationTest, APartialHeadKeepsItsConfiguration) {
  const auto client = connect();
  send(*client, "GET / HTTP/1.1\r\nHost: h\r\n");
  reconfigure("second");
  send(*client, "\r\n");
  EXPECT_THAT(receive(*client), EndsWith("\r\n\r\nfirst"));
  EXPECT_EQ(handlers_gone_, 1);
}

// One configuration decides which client a head names, even if an update happens before its end.
TEST_F(ConfigurationTest, TrustInAHeadIsThatOfItsConfiguration) {
  const auto client = connect();
  const auto named_client = [&] {
    const std::string said = receive(*client);
    return said.substr(said.find("client="));
  };
  const auto trusting = [&](std::vector<std::string> peers) {
    Settings next;
    next.options->trust = std::move(peers);
    ASSERT_TRUE(next.make_trusted());
    worker_->prepare(next, [] {
      return make_handler([](Request request) {
        return Response(Status::ok, "client=" + std::string(request.connection().client) +
                                        (request.connection().peer_is_trusted ? " trusted" : ""));
      });
    });
    worker_->commit();
  };
  constexpr std::string_view kBegin = "GET / HTTP/1.1\r\nHost: h\r\n";
  constexpr std::string_view kEnd = "X-Forwarded-For: 203.0.113.9\r\n\r\n";
  trusting({});
  send(*client, kBegin);
  trusting({"192.0.2.1"});
  send(*client, kEnd);
  EXPECT_EQ(named_client(), "client=192.0.2.1");
  send(*client, kBegin);
  trusting({});
  send(*client, kEnd);
  EXPECT_EQ(named_client(), "client=203.0.113.9 trusted");
  send(*client, kBegin);
  send(*client, kEnd);
  EXPECT_EQ(named_client(), "client=192.0.2.1");
}

}  // namespace
}  // namespace onehop::server
