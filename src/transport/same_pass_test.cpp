// SPDX-License-Identifier: Apache-2.0
//
// An upstream closes a connection just after a request has left it idle: the kernel knows of the
// end, but the event loop has had no occasion to ask.
#include "io/file_descriptor.hpp"
#include "net/tcp_stream.hpp"
#include "support/stream_pair.hpp"
#include "transport/connection_pool.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::transport {
namespace {

// Each connection is a socket pair.
class PairDialer final : public net::Dialer {
 public:
  PairDialer(io::Reactor& reactor, std::vector<io::FileDescriptor>& upstream)
      : reactor_(reactor), upstream_(upstream) {}

  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    upstream_.emplace_back(ends[0]);
    auto stream = std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                   net::TcpStream::Role::connected);
    co_return net::Dialled(std::move(stream), destination.host);
  }

 private:
  io::Reactor& reactor_;
  std::vector<io::FileDescriptor>& upstream_;
};

class SamePassTest : public test::StreamPair {
 protected:
  SamePassTest()
      : shared_(std::make_shared<SharedPools>(Transport::Options())),
        pool_(std::make_unique<ConnectionPool>(
            reactor_, shared_, std::make_unique<PairDialer>(reactor_, upstream_))) {}

  Origin& origin() { return pool_->origin(Url::parse("http://a").value()); }
  std::unique_ptr<H1Connection> dial() {
    Need need;
    need.reuse = Reuse::none;
    auto taking = origin().lease(need, reactor_.now());
    taking.start();
    settle();
    EXPECT_TRUE(taking.done());
    auto taken = taking.take();
    EXPECT_TRUE(taken);
    return taken ? taken->take_h1() : nullptr;
  }
  std::unique_ptr<H1Connection> try_take() {
    Need need;
    need.reuse = Reuse::recent_only;
    auto lease = origin().try_lease(need);
    return lease ? lease->take_h1() : nullptr;
  }
  // Returns the connection of a request that has read its response.
  void give_back(std::unique_ptr<H1Connection> connection) {
    char byte = 0;
    EXPECT_EQ(::send(upstream_.back().get(), "x", 1, MSG_NOSIGNAL), 1);
    settle();
    auto& stream = connection->stream();
    auto reading = [](net::Stream& from) -> task<void> {
      (void)co_await from.readable(io::kNever);
    }(stream);
    reading.start();
    settle();
    EXPECT_EQ(stream.try_read(&byte, 1), 1);
    EXPECT_EQ(stream.try_read(&byte, 1), net::IoResult::must_wait());
    connection->count_exchange();
    origin().give_back(std::move(connection));
  }

  std::vector<io::FileDescriptor> upstream_;
  std::shared_ptr<SharedPools> shared_;
  std::unique_ptr<ConnectionPool> pool_;
};

// A POST would be lost on the connection, and could not be sent again.
TEST_F(SamePassTest, AConnectionThatTheUpstreamClosedIsNotGivenToANonRepeatableRequest) {
  give_back(dial());
  upstream_.back().reset();
  EXPECT_EQ(try_take(), nullptr);
  EXPECT_EQ(shared_->statistics().open, 0u) << "and to nobody else";
}

TEST_F(SamePassTest, AConnectionWithUnsolicitedDataIsNotGivenToANonRepeatableRequest) {
  give_back(dial());
  EXPECT_EQ(::send(upstream_.back().get(), "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(try_take(), nullptr);
  EXPECT_EQ(shared_->statistics().open, 0u);
}

TEST_F(SamePassTest, AHealthyConnectionIsGivenAtOnce) {
  give_back(dial());
  EXPECT_NE(try_take(), nullptr);
  EXPECT_EQ(shared_->statistics().reused, 1u);
}

}  // namespace
}  // namespace onehop::transport
