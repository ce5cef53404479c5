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

  // Whether this connection resumed a session; it gets tickets for the next.
  bool comes_back() {
    server_.reset();
    client_.reset();
    connect();
    const bool resumed = server_->tls()->resumed;
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
    return resumed;
  }
  // A ticket of now, taken away from the client.
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

TEST_F(TlsTicketKeysTest, a_client_that_comes_often_always_resumes) {
  EXPECT_FALSE(comes_back());
  for (int hour = 0; hour < 60; hour += 5) {
    g_now += hours(5);
    EXPECT_TRUE(comes_back()) << hour;
  }
}

TEST_F(TlsTicketKeysTest, a_key_decrypts_for_one_rotation_after_its_own) {
  SslSessionHandle early = take_ticket();
  SslSessionHandle late = take_ticket();
  g_now += kRotation;
  EXPECT_TRUE(comes_back_with(std::move(early))) << "the key before";
  g_now += kRotation;
  EXPECT_FALSE(comes_back_with(std::move(late))) << "the one before that";
}

// Nobody came when a key was due: the one in use is as old as two.
TEST_F(TlsTicketKeysTest, keys_of_a_server_that_nobody_used_end_too) {
  SslSessionHandle ticket = take_ticket();
  g_now += 2 * kRotation;
  EXPECT_FALSE(comes_back_with(std::move(ticket)));
  EXPECT_TRUE(comes_back());
}

TEST_F(TlsTicketKeysTest, without_memory_for_a_new_key_the_handshake_fails) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  make_server();
  make_client("127.0.0.1");  // no name is asked for, which would take memory
  g_now += kRotation;
  const auto result = shake_without_memory(Who::server);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::tls_failed));
}

}  // namespace
}  // namespace onehop::net
