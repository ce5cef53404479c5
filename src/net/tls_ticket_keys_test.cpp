// SPDX-License-Identifier: Apache-2.0
#include "net/tls_ticket_keys.hpp"

#include "support/failing_allocation.hpp"
#include "support/tls_stream_pair.hpp"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using std::chrono::hours;

constexpr std::chrono::seconds kRotation = TlsTicketKeys::kRotation;

std::chrono::steady_clock::time_point g_now;

class TlsTicketKeysTest : public test::TlsStreamPair {
 protected:
  TlsTicketKeysTest() {
    keys_ = std::make_shared<TlsTicketKeys>([]() noexcept { return g_now; });
  }

  // Reports whether this connection resumed a session. It keeps the tickets for the next one.
  bool comes_back() {
    server_.reset();
    client_.reset();
    connect();
    const bool resumed = server_->tls()->resumed;
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
    return resumed;
  }
  // Returns a new ticket and removes it from the client.
  SslSessionHandle take_ticket() {
    comes_back();
    SslSessionHandle last;
    while (SslSessionHandle next{sessions_->take()})
      last = std::move(next);
    return last;
  }
  bool comes_back_with(SslSessionHandle ticket) {
    while (SslSessionHandle(sessions_->take())) {
    }
    sessions_->put(ticket.release());
    return comes_back();
  }
};

TEST_F(TlsTicketKeysTest, AClientThatComesOftenAlwaysResumes) {
  EXPECT_FALSE(comes_back());
  for (int hour = 0; hour < 60; hour += 5) {
    g_now += hours(5);
    EXPECT_TRUE(comes_back()) << hour;
  }
}

TEST_F(TlsTicketKeysTest, AKeyDecryptsForOneRotationAfterItsOwn) {
  SslSessionHandle early = take_ticket();
  SslSessionHandle late = take_ticket();
  g_now += kRotation;
  EXPECT_TRUE(comes_back_with(std::move(early))) << "the key before";
  g_now += kRotation;
  EXPECT_FALSE(comes_back_with(std::move(late))) << "the one before that";
}

// No connection came when a rotation was due: the key is two periods old.
TEST_F(TlsTicketKeysTest, KeysOfAServerThatNobodyUsedEndToo) {
  SslSessionHandle ticket = take_ticket();
  g_now += 2 * kRotation;
  EXPECT_FALSE(comes_back_with(std::move(ticket)));
  EXPECT_TRUE(comes_back());
}

TEST_F(TlsTicketKeysTest, WithoutMemoryForANewKeyTheHandshakeFails) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  make_server();
  make_client("127.0.0.1");  // a name to ask for would need memory
  g_now += kRotation;
  const auto result = shake_without_memory(Who::server);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::tls_failed));
}

}  // namespace
}  // namespace onehop::net
