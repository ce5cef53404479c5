// SPDX-License-Identifier: Apache-2.0
#include "net/tls_ticket_keys.hpp"

#include "base/memory_checker.hpp"
#include "support/tls_stream_pair.hpp"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include <sys/resource.h>

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

  // Makes a connection, and reports whether it resumed a session. Keeps the tickets for the next
  // one.
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

TEST_F(TlsTicketKeysTest, CanBeContinuedByAnotherProcess) {
  EXPECT_FALSE(comes_back());
  g_now += kRotation - hours(1);
  const std::string text = keys_->text();
  const auto go_on = [this](const std::string& with) {
    server_.reset();
    keys_ = std::make_shared<TlsTicketKeys>([]() noexcept { return g_now; });
    EXPECT_TRUE(keys_->continue_with(with));
    make_server();
  };
  go_on(text);
  EXPECT_TRUE(comes_back());
  SslSessionHandle early = take_ticket();
  SslSessionHandle late = take_ticket();
  g_now += hours(2);  // the keys have rotated, because their age was passed on
  EXPECT_FALSE(comes_back()) << "without a ticket";
  go_on(keys_->text());
  EXPECT_TRUE(comes_back_with(std::move(early))) << "the key before was among them";
  g_now += kRotation;
  EXPECT_TRUE(comes_back()) << "rotates again";
  EXPECT_FALSE(comes_back_with(std::move(late)));
}

TEST_F(TlsTicketKeysTest, AnInvalidTextChangesNothing) {
  EXPECT_FALSE(comes_back());
  const std::string key(TlsTicketKeys::kKeySize, 'k');
  for (const std::string& text :
       {std::string(), std::string("0"), std::string("0:"), "0:" + key + "x", ":" + key,
        "-1:" + key, "x:" + key, "99999999999999999999:" + key, "9999999999:" + key, key}) {
    EXPECT_FALSE(keys_->continue_with(text)) << text;
  }
  EXPECT_TRUE(comes_back());
}

TEST_F(TlsTicketKeysTest, AFrequentClientAlwaysResumes) {
  EXPECT_FALSE(comes_back());
  for (int hour = 0; hour < 60; hour += 5) {
    g_now += hours(5);
    EXPECT_TRUE(comes_back()) << hour;
  }
}

TEST_F(TlsTicketKeysTest, AKeyDecryptsForOneMoreRotation) {
  SslSessionHandle early = take_ticket();
  SslSessionHandle late = take_ticket();
  g_now += kRotation;
  EXPECT_TRUE(comes_back_with(std::move(early))) << "the key before";
  g_now += kRotation;
  EXPECT_FALSE(comes_back_with(std::move(late))) << "the one before that";
}

// No connection arrived when a rotation was due, so the key is two periods old.
TEST_F(TlsTicketKeysTest, KeysOfAnUnusedServerExpire) {
  SslSessionHandle ticket = take_ticket();
  g_now += 2 * kRotation;
  EXPECT_FALSE(comes_back_with(std::move(ticket)));
  EXPECT_TRUE(comes_back());
}

// While this exists, the kernel provides no pages. The heap has some from the previous connection.
class NoMorePages {
 public:
  NoMorePages() {
    ::getrlimit(RLIMIT_AS, &before_);
    const rlimit none{.rlim_cur = 1, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  }
  NoMorePages(const NoMorePages&) = delete;
  NoMorePages& operator=(const NoMorePages&) = delete;
  ~NoMorePages() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST_F(TlsTicketKeysTest, TheHandshakeFailsWithoutMemoryForANewKey) {
  if (kMemoryChecker) GTEST_SKIP() << "a sanitizer needs pages itself";
  EXPECT_FALSE(comes_back());
  server_.reset();
  client_.reset();
  make_server();
  make_client();
  g_now += kRotation;
  {
    const NoMorePages none;
    shake();
  }
  ASSERT_TRUE(server_result_);
  ASSERT_FALSE(*server_result_);
  EXPECT_TRUE(server_result_->error().is(Errc::tls_failed));
  EXPECT_FALSE(comes_back()) << "it has no ticket";
  EXPECT_TRUE(comes_back()) << "with a new key";
}

}  // namespace
}  // namespace onehop::net
