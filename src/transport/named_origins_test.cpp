// SPDX-License-Identifier: Apache-2.0
//
// Connections to an origin end when no list names the origin any more.
#include "transport/named_origins.hpp"

#include "support/h2_upstream_test.hpp"
#include "support/pool_test.hpp"
#include "transport/origin_key.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

using h2_frames::frame;

std::vector<std::string> keys_of(const std::vector<std::string_view>& urls) {
  std::vector<std::string> keys;
  for (const std::string_view url : urls)
    keys.push_back(origin_key(Url::parse(url).value(), ""));
  return keys;
}

class NamedOriginsTest : public ConnectionPoolTest {
 protected:
  NamedOriginsTest() {
    // Otherwise the connections would end by themselves.
    start({.pool_idle_timeout = 1h});
  }
  NamedOrigins naming(const std::vector<std::string_view>& urls) {
    return {shared_, keys_of(urls)};
  }
  std::string ending(std::size_t connection) {
    settle();
    return upstream_.accepted.at(connection).ending();
  }
};

TEST_F(NamedOriginsTest, IdleConnectionsAreClosedAtOnce) {
  NamedOrigins list = naming({"http://a", "http://b"});
  give_back(take(origin("http://a")));
  give_back(take(origin("http://b")));
  list = naming({"http://b"});
  EXPECT_EQ(ending(0), "end");
  EXPECT_EQ(ending(1), "");
  EXPECT_EQ(idle(), 1u);
}

TEST_F(NamedOriginsTest, ConnectionsInUseAreClosedWhenReturned) {
  NamedOrigins list = naming({"http://a", "http://b"});
  Held used = take(origin("http://a"));
  Held other = take(origin("http://b"));
  list = naming({"http://b"});
  EXPECT_EQ(ending(0), "");
  give_back(std::move(used));
  give_back(std::move(other));
  EXPECT_EQ(ending(0), "end");
  EXPECT_EQ(ending(1), "");
}

TEST_F(NamedOriginsTest, AReservedConnectionIsClosedWhenReturned) {
  NamedOrigins list = naming({"http://a"});
  Held used = take(origin());
  used->reserve_for(ConnectionId(7));
  used->set_in_handshake(true);
  list = {};
  give_back(std::move(used));
  EXPECT_EQ(ending(0), "end");
}

TEST_F(NamedOriginsTest, AnotherListKeepsTheConnections) {
  NamedOrigins list = naming({"http://a"});
  const NamedOrigins other = naming({"http://a"});
  give_back(take(origin()));
  Held used = take(origin());
  list = {};
  give_back(std::move(used));
  EXPECT_EQ(ending(0), "");
  EXPECT_EQ(idle(), 1u);
}

TEST_F(NamedOriginsTest, ConnectionsOfAnUnlistedOriginAreKept) {
  NamedOrigins list = naming({"http://b"});
  give_back(take(origin("http://a")));
  list = {};
  EXPECT_EQ(ending(0), "");
}

TEST_F(NamedOriginsTest, AnOriginThatIsUsedAgainGetsNewConnections) {
  NamedOrigins list = naming({"http://a"});
  Held old = take(origin());
  list = {};
  settle();
  give_back(take(origin()));
  EXPECT_EQ(ending(1), "");
  give_back(std::move(old));
  EXPECT_EQ(ending(0), "end");
  EXPECT_EQ(idle(), 1u);
}

// The request that the connection is made for came before the origin was abandoned.
TEST_F(NamedOriginsTest, APendingConnectionIsUsedOnce) {
  upstream_.answers = false;
  NamedOrigins list = naming({"http://a"});
  Taking taking = begin(origin());
  settle();
  list = {};
  settle();
  upstream_.answers = true;
  advance(10ms);
  give_back(lease_of(taking));
  EXPECT_EQ(ending(0), "end");
}

TEST_F(NamedOriginsTest, ConnectionsOfEveryClientAreClosed) {
  start({.pool_idle_timeout = 1h, .send_proxy = true});
  NamedOrigins list = naming({"http://a"});
  for (const ConnectionId client : {ConnectionId(1), ConnectionId(2)}) {
    ConnectionInfo connection;
    connection.id = client;
    give_back(take(pool_->origin(Url::parse("http://a").value(), {}, &connection)));
  }
  EXPECT_EQ(idle(), 2u);
  list = {};
  EXPECT_EQ(ending(0), "end");
  EXPECT_EQ(ending(1), "end");
}

TEST_F(NamedOriginsTest, ConnectionsOfEveryWorkerAreClosed) {
  io::Reactor reactor{io::Reactor::Clock::manual};
  Upstream upstream;
  NamedOrigins list = naming({"http://a"});
  const io::Reactor::Enter enter(reactor);
  ConnectionPool other(reactor, shared_, std::make_unique<ScriptedDialer>(reactor, upstream));
  Taking taking = begin(other.origin(Url::parse("http://a").value()));
  while (reactor.run_once(io::Duration::zero())) {
  }
  give_back(lease_of(taking));
  EXPECT_EQ(upstream.accepted.front().ending(), "");
  list = {};
  while (reactor.run_once(io::Duration::zero())) {
  }
  EXPECT_EQ(upstream.accepted.front().ending(), "end");
}

class NamedOriginsH2Test : public H2UpstreamTest {
 protected:
  NamedOriginsH2Test() : H2UpstreamTest("") {}

  NamedOrigins naming() {
    return {pool_.context().shared().shared_from_this(), keys_of({"h2c://a"})};
  }
  Asking ask() {
    return H2UpstreamTest::ask(
        Request(Method::get, Url::parse("h2c://a/").value(), Headers({{"Host", "a"}})));
  }
  void answer(std::uint32_t stream) {
    far_.send(frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
                    h2_frames::block({{":status", "204"}})));
    settle();
  }
  std::string ending() {
    settle();
    static_cast<void>(streams());
    return far_.ending();
  }
};

TEST_F(NamedOriginsH2Test, AnIdleConnectionIsClosedAtOnce) {
  NamedOrigins list = naming();
  {
    Asking asking = ask();
    answer(1);
    ASSERT_TRUE(asking.done());
  }
  EXPECT_EQ(ending(), "");
  list = {};
  EXPECT_EQ(ending(), "end");
  EXPECT_TRUE(peer_.has_said_goodbye());
}

TEST_F(NamedOriginsH2Test, AConnectionInUseEndsWithItsRequests) {
  NamedOrigins list = naming();
  Asking first = ask();
  Asking second = ask();
  list = {};
  answer(1);
  EXPECT_EQ(ending(), "");
  answer(3);
  for (Asking* const asking : {&first, &second}) {
    ASSERT_TRUE(asking->done());
    EXPECT_TRUE(asking->take());
  }
  EXPECT_EQ(ending(), "end");
}

TEST_F(NamedOriginsH2Test, AConnectionInUseTakesNoMoreRequests) {
  NamedOrigins list = naming();
  const Asking first = ask();
  list = {};
  settle();
  const Asking second = ask();  // there is no other connection
  EXPECT_TRUE(streams().contains(1));
  EXPECT_FALSE(streams().contains(3));
}

}  // namespace
}  // namespace onehop::transport
