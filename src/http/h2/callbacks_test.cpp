// SPDX-License-Identifier: Apache-2.0
//
// Memory runs out in a callback of nghttp2, through which an exception must not unwind.
#include "http/h2/callbacks.hpp"

#include "support/failing_allocation.hpp"
#include "support/session_pair.hpp"

#include <new>

namespace onehop::h2 {
namespace {

class OutOfMemoryTest : public SessionTest {
 protected:
  void SetUp() override {
    if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  }
  static FieldList fields(std::string_view first, std::string_view value) {
    return {{first, value}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
  }
  // Makes the receiver's allocation `number` fail. Reports whether that ended its session.
  static bool fails(Peer& receiver, const std::string& data, std::size_t number) {
    const FailingAllocation failing(number);
    const bool goes_on = receiver.session_.receive(data, kNow);
    EXPECT_EQ(goes_on, !failing.is_over());
    return !goes_on;
  }
};

TEST_F(OutOfMemoryTest, FailsTheConnectionWhenARequestDoesNotFit) {
  bool failed = true;
  for (std::size_t number = 0; failed; ++number) {
    Peer server(Role::server, limits());
    Peer client(Role::client, {});
    TestStream request;
    ASSERT_TRUE(client.session_.open(request, fields(":method", "POST"), false));
    request.send(std::string(10'000, 'x'));
    request.send_end({{"x-sum", std::string(5000, '1')}});
    failed = fails(server, client.output(), number);
    if (!failed) {
      EXPECT_GT(number, 0u);
      EXPECT_TRUE(server.streams_.front()->has_ended());
      continue;
    }
    client.session_.receive(server.output(), kNow);
    EXPECT_EQ(client.goaway_reason_, ErrorCode::internal_error);
  }
}

TEST_F(OutOfMemoryTest, FailsTheConnectionWhenAResponseDoesNotFit) {
  bool failed = true;
  for (std::size_t number = 0; failed; ++number) {
    Peer server(Role::server, limits());
    Peer client(Role::client, {});
    TestStream request;
    ASSERT_TRUE(client.session_.open(request, fields(":method", "GET"), true));
    ASSERT_TRUE(server.session_.receive(client.output(), kNow));
    TestStream& served = *server.streams_.front();
    served.send_informational({{":status", "103"}, {"link", std::string_view("</a>")}});
    const std::string early = server.output();
    ASSERT_TRUE(client.session_.receive(early.substr(0, early.size() - 1), kNow));
    failed = fails(client, early.substr(early.size() - 1), number);
    if (failed) {
      EXPECT_STRNE(client.session_.reason(), "");
    } else {
      EXPECT_GT(number, 0u);
      EXPECT_TRUE(request.has_head());
    }
  }
}

class NoRoomForRequests final : public SessionObserver {
 public:
  Stream* on_request() override { throw std::bad_alloc(); }
};

TEST_F(OutOfMemoryTest, FailsTheConnectionWhenTheOwnerHasNoRoomForARequest) {
  NoRoomForRequests owner;
  Session session(Role::server, limits(), owner);
  TestStream request;
  ASSERT_TRUE(client_.session_.open(request, fields(":method", "GET"), true));
  EXPECT_FALSE(session.receive(client_.output(), kNow));
  std::vector<char> memory(64 * 1024);
  const std::size_t size = session.produce(memory);
  client_.session_.receive({memory.data(), size}, kNow);
  EXPECT_EQ(client_.goaway_reason_, ErrorCode::internal_error);
}

}  // namespace
}  // namespace onehop::h2
