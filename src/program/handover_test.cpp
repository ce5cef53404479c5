// SPDX-License-Identifier: Apache-2.0
#include "program/handover.hpp"

#include <chrono>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

namespace onehop::program {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Use = HandedSocket::Use;

class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() {
    auto made = ProcessChannel::make();
    EXPECT_TRUE(made);
    before_ = std::move(made->first);
    after_ = std::move(made->second);
  }

  static io::FileDescriptor any_descriptor() {
    return io::FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  ProcessChannel before_;
  ProcessChannel after_;
};

TEST_F(HandoverTest, ArrivesAsItWasSent) {
  Handover sent{.generation = 7, .ticket_keys = std::string("\x00key\xff", 5)};
  for (const Use use : {Use::service, Use::admin, Use::commands}) {
    sent.sockets.push_back(
        {.use = use, .name = "n", .requested = "127.0.0.1:0", .socket = any_descriptor()});
  }
  // Exceeds the descriptors of one message.
  for (int i = 0; i < 250; ++i)
    sent.sockets.push_back({.requested = std::to_string(i), .socket = any_descriptor()});
  sent.draining.emplace_back(any_descriptor());
  sent.counts = std::string(100'000, 'c');
  ASSERT_TRUE(send(before_, sent));
  const auto received = receive_handover(after_, 1s);
  ASSERT_TRUE(received) << received.error().to_string();
  EXPECT_EQ(received->generation, 7u);
  EXPECT_EQ(received->ticket_keys.text(), sent.ticket_keys.text());
  ASSERT_EQ(received->sockets.size(), sent.sockets.size());
  for (std::size_t i = 0; i < sent.sockets.size(); ++i) {
    EXPECT_EQ(received->sockets[i].use, sent.sockets[i].use);
    EXPECT_EQ(received->sockets[i].name, sent.sockets[i].name);
    EXPECT_EQ(received->sockets[i].requested, sent.sockets[i].requested);
    EXPECT_TRUE(received->sockets[i].socket);
  }
  EXPECT_EQ(received->draining.size(), 1u);
  EXPECT_EQ(received->counts, sent.counts);
}

TEST_F(HandoverTest, IgnoresUnknownMembersOfALaterRelease) {
  ASSERT_TRUE(before_.send(R"({"generation": 3, "sockets": [{"use": "quic", "x": 1},
                               {"use": "admin", "y": []}], "draining": 0, "new": {}})",
                           std::vector<int>{0, 1}));
  const auto received = receive_handover(after_, 1s);
  ASSERT_TRUE(received);
  ASSERT_EQ(received->sockets.size(), 1u);
  EXPECT_EQ(received->sockets[0].use, Use::admin);
  ASSERT_TRUE(after_.send(R"({"dance": true})"));
  const auto order = receive_order(before_, 1s);
  ASSERT_TRUE(order);
  EXPECT_EQ(*order, std::nullopt);
}

TEST_F(HandoverTest, ReportsInvalidMessages) {
  const struct {
    const char* text;
    const char* reason;
  } cases[] = {{"[]", "not JSON"},
               {"{", "not JSON"},
               {"{}", "did not report its sockets"},
               {R"({"sockets": 1})", "did not report its sockets"},
               {R"({"sockets": [{"use": "admin"}]})", "too few sockets"},
               {R"({"failed": "the port is taken"})", "the port is taken"}};
  for (const auto& [text, reason] : cases) {
    ASSERT_TRUE(before_.send(text));
    const auto received = receive_handover(after_, 1s);
    ASSERT_FALSE(received) << text;
    EXPECT_THAT(received.error().to_string(), HasSubstr(reason));
  }
  EXPECT_TRUE(receive_handover(after_, 1ms).error().is(Errc::timed_out));
}

TEST_F(HandoverTest, AcceptsOnlyTheSameProtocol) {
  ASSERT_TRUE(send(after_, Hello{.protocol = Handover::kProtocol, .version = "1.2.3"}));
  EXPECT_EQ(receive_hello(before_, 1s)->version, "1.2.3");
  ASSERT_TRUE(send(after_, Hello{.protocol = Handover::kProtocol + 1, .version = "9.0.0"}));
  EXPECT_THAT(receive_hello(before_, 1s).error().to_string(), HasSubstr("restart onehop instead"));
}

TEST_F(HandoverTest, ExchangesReadyAndGo) {
  ASSERT_TRUE(send_ready(after_));
  EXPECT_TRUE(receive_ready(before_, 1s));
  ASSERT_TRUE(send_failed(after_, "no permission"));
  EXPECT_THAT(receive_ready(before_, 1s).error().to_string(), HasSubstr("no permission"));
  ASSERT_TRUE(send_go(before_));
  EXPECT_TRUE(receive_go(after_, 1s));
  ASSERT_TRUE(send_serving(after_));
  EXPECT_TRUE(receive_serving(before_, 1s));
  ASSERT_TRUE(send(before_, Progress{}));
  EXPECT_THAT(receive_go(after_, 1s).error().to_string(), HasSubstr("expected \"go\""));
}

TEST_F(HandoverTest, ExchangesOrdersAndProgress) {
  for (const Order order : {Order::report, Order::stop, Order::reopen}) {
    ASSERT_TRUE(send(after_, order));
    const auto received = receive_order(before_, 1s);
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, order);
  }
  ASSERT_TRUE(send(before_, Progress{.requests = 3, .connections = 5}));
  ASSERT_TRUE(send(
      before_,
      Progress{
          .requests = 2, .connections = 4, .left = 900ms, .counts = std::string(200'000, 'c')}));
  const auto progress = receive_progress(after_, 1s);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->requests, 2u) << "the newest";
  EXPECT_EQ(progress->connections, 4u);
  EXPECT_EQ(progress->left, 900ms);
  EXPECT_EQ(progress->counts, std::string(200'000, 'c'));
}

}  // namespace
}  // namespace onehop::program
