// SPDX-License-Identifier: Apache-2.0
//
// Idle connections move between the workers of one transport. Two event loops take turns on the
// test's thread; the upstream runs on another thread, with real sockets.
#include <onehop/transport.hpp>

#include "http/message_access.hpp"
#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "support/failing_allocation.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop {
namespace {

using std::chrono::milliseconds;

// Responds "ok" to each request on each connection, and counts connections.
class CountingUpstream {
 public:
  CountingUpstream() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  CountingUpstream(const CountingUpstream&) = delete;
  CountingUpstream& operator=(const CountingUpstream&) = delete;
  ~CountingUpstream() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  Url url() const { return Url::parse("http://127.0.0.1:" + std::to_string(port_)).value(); }
  int connections() const noexcept { return connections_; }
  int open() const noexcept { return open_; }

 private:
  void serve() {
    std::vector<std::thread> threads;
    for (;;) {
      const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) break;
      ++connections_;
      ++open_;
      threads.emplace_back([this, accepted] {
        answer_all(io::FileDescriptor(accepted));
        --open_;
      });
    }
    for (auto& thread : threads)
      thread.join();
  }

  static void answer_all(const io::FileDescriptor& socket) {
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    std::string seen;
    char buffer[4096];
    for (;;) {
      const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return;
      seen.append(buffer, static_cast<std::size_t>(got));
      if (!seen.ends_with("\r\n\r\n")) continue;
      seen.clear();
      EXPECT_GT(::send(socket.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL), 0);
    }
  }

  io::FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> open_ = 0;
  std::thread thread_;
};

task<std::string> get(const Transport& transport, Url url, Method method, ConnectionId client) {
  Request request(method, std::move(url));
  if (client) {
    request.headers().add("Authorization", "NTLM TlRM");
    ConnectionInfo connection;
    connection.id = client;
    MessageAccess::set_connection(request, connection);
  }
  auto response = co_await transport.round_trip(std::move(request));
  if (!response) co_return response.error().to_string();
  auto text = co_await response->body().read_all(1000);
  co_return text ? *text : text.error().to_string();
}

class IdleTransferTest : public ::testing::Test {
 protected:
  // Unless `client` is empty, the upstream authenticates the connection for it.
  std::string run(io::Reactor& on,
                  io::Reactor& other,
                  Method method = Method::get,
                  ConnectionId client = {}) {
    task<std::string> work = get(*transport_, upstream_.url(), method, client);
    {
      const io::Reactor::Enter enter(on);
      work.start();
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!work.done() && std::chrono::steady_clock::now() < give_up) {
      on.run_once(milliseconds(1));
      if (other_runs_) {
        other.run_once(milliseconds(0));
      } else {
        on.set_time(on.now() + milliseconds(1));
      }
    }
    return work.done() ? work.take() : "never ended";
  }

  CountingUpstream upstream_;
  std::unique_ptr<Transport> transport_ = std::make_unique<Transport>();
  // Manual clocks, so that no deadline passes, however slow the machine is.
  io::Reactor one_{io::Reactor::Clock::manual};
  io::Reactor two_{io::Reactor::Clock::manual};
  bool other_runs_ = true;
};

TEST_F(IdleTransferTest, AnIdleConnectionServesTheThreadThatHasNone) {
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(run(two_, one_), "ok");
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(upstream_.connections(), 1);
  EXPECT_EQ(transport_->statistics().open, 1U);
  EXPECT_EQ(transport_->statistics().idle, 1U);
  EXPECT_EQ(transport_->statistics().dialled, 1U);
  EXPECT_EQ(transport_->statistics().reused, 2U);
}

TEST_F(IdleTransferTest, AnIdleConnectionServesANonRepeatableRequest) {
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(run(two_, one_, Method::post), "ok");
  EXPECT_EQ(upstream_.connections(), 1);
}

// The upstream would take the other worker's requests for those of the authenticated client.
TEST_F(IdleTransferTest, AReservedConnectionIsNotTransferred) {
  const ConnectionId alice(io::Endings::new_number());
  EXPECT_EQ(run(one_, two_, Method::get, alice), "ok");
  EXPECT_EQ(transport_->statistics().idle, 1U);
  EXPECT_EQ(run(two_, one_), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
  EXPECT_EQ(transport_->statistics().idle, 2U);
  EXPECT_EQ(run(one_, two_, Method::get, alice), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
  one_.notify_end(alice.number());
  one_.run_once(milliseconds(0));
  EXPECT_EQ(transport_->statistics().idle, 1U);
}

TEST_F(IdleTransferTest, DoesNotWaitForAnUnresponsiveThread) {
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(run(two_, one_), "ok");  // two_ has the connection now, and the pools know each other
  other_runs_ = false;
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
  // The connection that two_ offers late goes to the pool that asked for it.
  two_.run_once(milliseconds(0));
  one_.run_once(milliseconds(0));
  EXPECT_EQ(transport_->statistics().idle, 2U);
  EXPECT_EQ(transport_->statistics().open, 2U);
}

// Regression: the exception ended the worker.
TEST_F(IdleTransferTest, AConnectionIsClosedIfItsTransferRunsOutOfMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  bool has_failed = true;
  for (std::size_t succeed = 0; has_failed; ++succeed) {
    transport_ = std::make_unique<Transport>();
    other_runs_ = true;
    EXPECT_EQ(run(one_, two_), "ok");
    EXPECT_EQ(run(two_, one_), "ok");
    other_runs_ = false;
    EXPECT_EQ(run(one_, two_), "ok");
    {
      const FailingAllocation failing(succeed);
      two_.run_once(milliseconds(0));
      one_.run_once(milliseconds(0));
      has_failed = failing.is_over();
    }
    EXPECT_EQ(run(one_, two_), "ok");
    EXPECT_EQ(transport_->statistics().open, transport_->statistics().idle);
  }
}

// Regression: each request waited for its response, and no other worker was asked.
TEST_F(IdleTransferTest, AThreadThatEndedWithoutAReplyIsForgotten) {
  {
    io::Reactor gone(io::Reactor::Clock::manual);
    EXPECT_EQ(run(gone, one_), "ok");
    other_runs_ = false;
    EXPECT_EQ(run(one_, gone), "ok");
    other_runs_ = true;
  }
  EXPECT_EQ(run(two_, one_), "ok");
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
}

TEST_F(IdleTransferTest, AnEndedThreadLeavesNothingBehind) {
  {
    io::Reactor gone(io::Reactor::Clock::manual);
    EXPECT_EQ(run(gone, one_), "ok");
    EXPECT_EQ(transport_->statistics().open, 1U);
  }
  EXPECT_EQ(transport_->statistics().open, 0U);
  EXPECT_EQ(run(one_, two_), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
  EXPECT_EQ(transport_->statistics().dialled, 2U);
}

// Regression: the pools stayed on each event loop, with their connections.
TEST_F(IdleTransferTest, ADestroyedTransportLeavesNothingBehind) {
  EXPECT_EQ(run(one_, two_), "ok");
  other_runs_ = false;
  EXPECT_EQ(run(two_, one_), "ok");
  EXPECT_EQ(upstream_.connections(), 2);
  EXPECT_EQ(upstream_.open(), 2);
  transport_.reset();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (upstream_.open() > 0 && std::chrono::steady_clock::now() < give_up) {
    one_.run_once(milliseconds(1));
    two_.run_once(milliseconds(1));
  }
  EXPECT_EQ(upstream_.open(), 0);
}

}  // namespace
}  // namespace onehop
