// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets that the caller passes to the server.
#include <onehop/server.hpp>

#include "io/file_descriptor.hpp"
#include "net/address.hpp"
#include "support/socket_client.hpp"
#include "support/updated_server.hpp"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Opened {
  io::FileDescriptor socket;
  std::string address;
};

Opened open_socket(const std::string& where, bool listens = true) {
  const auto to = net::Address::parse_listen(where);
  Opened made;
  made.socket = io::FileDescriptor(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(made.socket.get(), to->data(), to->size()), 0);
  if (listens) {
    EXPECT_EQ(::listen(made.socket.get(), 16), 0);
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(made.socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  made.address = net::Address(reinterpret_cast<const sockaddr*>(&bound), size).to_string();
  return made;
}

class OpenSockets : public UpdatedServer {
 protected:
  static Server::Options with(Server::Addresses listen, std::vector<Server::OpenSocket> sockets) {
    auto made = options();
    made.listen = std::move(listen);
    made.open_sockets = std::move(sockets);
    return made;
  }
  static std::string why_not(Server::Options options) {
    Server server(std::move(options));
    const auto started = server.start(named("one"));
    return started ? "" : started.error().to_string();
  }
};

TEST_F(OpenSockets, AreFoundByTheirAddress) {
  const Opened tcp = open_socket("127.0.0.1:0");
  const Opened file = open_socket("unix:" + unix_path("s"));
  SocketClient early(tcp.address);
  early.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto both = with({tcp.address, "unix:" + unix_path("./s")},
                         {{.descriptor = tcp.socket.get()}, {.descriptor = file.socket.get()}});
  start(both, named("one"));
  EXPECT_THAT(early.read_response(), EndsWith("one")) << "it was in the queue before the start";
  EXPECT_THAT(SocketClient(server().addresses()[1]).get(), EndsWith("one"));
  update(both, named("two"));
  EXPECT_THAT(SocketClient(tcp.address).get(), EndsWith("two"));
  server().stop(0s);
  EXPECT_TRUE(std::filesystem::exists(unix_path("s"))) << "it is the caller's";
  const SocketClient late(tcp.address);
  EXPECT_TRUE(late.is_connected()) << "the caller's descriptor is open";
}

TEST_F(OpenSockets, AreFoundByTheirName) {
  const Opened web = open_socket("127.0.0.1:0");
  const Opened other = open_socket("127.0.0.1:0");
  const Opened secure = open_socket("127.0.0.1:0");
  auto named_ones =
      with({"fd:web", "https://fd:tls"}, {{.descriptor = web.socket.get(), .name = "web"},
                                          {.descriptor = secure.socket.get(), .name = "tls"},
                                          {.descriptor = other.socket.get(), .name = "web"}});
  EXPECT_THAT(why_not(named_ones), HasSubstr("needs a certificate"));
  named_ones.tls.emplace().self_signed = true;
  named_ones.listen = {"http://fd:web", "fd:tls"};
  start(named_ones, named("one"));
  EXPECT_EQ(server().addresses(),
            (std::vector<std::string>{web.address, other.address, secure.address}));
  EXPECT_THAT(SocketClient(other.address).get(), EndsWith("one"));
  EXPECT_THAT(SocketClient(secure.address).get(), HasSubstr("This port speaks HTTPS"));
}

TEST_F(OpenSockets, AreAddedAndRemovedByUpdates) {
  const Opened web = open_socket("127.0.0.1:0");
  start(options(), named("one"));
  const std::string before = address();
  update(with({before, "fd:web"}, {{.descriptor = web.socket.get(), .name = "web"}}), named("two"));
  EXPECT_THAT(SocketClient(web.address).get(), EndsWith("two"));
  update(with(before, {}), named("three"));
  SocketClient waits(web.address);
  waits.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(waits.is_ended_within(50ms)) << "the caller's descriptor is open";
  update(with({before, web.address}, {{.descriptor = web.socket.get()}}), named("four"));
  EXPECT_THAT(waits.read_response(), EndsWith("four"));
}

TEST_F(OpenSockets, AreHandedOverToTheNextServer) {
  const std::string file = "unix:" + unix_path("s");
  const auto both = with({"127.0.0.1:0", file}, {});
  start(both, named("one"));
  EXPECT_TRUE(Server(both).open_sockets().empty()) << "it has not started";
  const std::string tcp = address();
  auto next_options = both;
  next_options.open_sockets = server().open_sockets();
  const Opened unused = open_socket("127.0.0.1:0");
  next_options.open_sockets.push_back({.descriptor = unused.socket.get(), .handed_over = true});
  {
    auto failing_options = next_options;
    failing_options.on_listening = [] {
      return Result<void>(failure(Errc::bad_option, Side::local, "no"));
    };
    Server failing(failing_options);
    EXPECT_FALSE(failing.start(named("none")));
  }
  {
    Server brief(next_options);
    ASSERT_TRUE(brief.start(named("none")));
  }
  EXPECT_TRUE(std::filesystem::exists(unix_path("s"))) << "the file is the first server's";
  Server next(next_options);
  ASSERT_TRUE(next.start(named("two")));
  next.take_socket_files();
  EXPECT_EQ(next.addresses(), server().addresses()) << ":0 keeps its port";
  server().leave_socket_files();
  server().stop(0s);
  EXPECT_TRUE(server().open_sockets().empty());
  for (const std::string& where : next.addresses())
    EXPECT_THAT(SocketClient(where).get(), EndsWith("two")) << where;
  // An update without open_sockets keeps the sockets.
  ASSERT_TRUE(next.update(both, named("three")));
  EXPECT_THAT(SocketClient(tcp).get(), EndsWith("three"));
  next.stop(0s);
  EXPECT_FALSE(std::filesystem::exists(unix_path("s"))) << "the file went to the second server";
}

TEST_F(OpenSockets, AreUnchangedIfTheUpdateFails) {
  const Opened web = open_socket("127.0.0.1:0");
  const auto state = [&] {
    int deferred = 0;
    int delayed = 0;
    socklen_t size = sizeof deferred;
    ::getsockopt(web.socket.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &deferred, &size);
    ::getsockopt(web.socket.get(), IPPROTO_TCP, TCP_NODELAY, &delayed, &size);
    return std::vector{::fcntl(web.socket.get(), F_GETFL), deferred, delayed};
  };
  start(options(), named("one"));
  const auto before = state();
  Server::Options next =
      with({address(), "fd:web"}, {{.descriptor = web.socket.get(), .name = "web"}});
  next.defer_accept = true;
  const auto updated = server().update_per_worker(
      next, []() -> std::shared_ptr<const Handler> { throw std::runtime_error("no handler"); });
  EXPECT_FALSE(updated);
  EXPECT_EQ(state(), before);
  update(next, named("two"));
  EXPECT_NE(state(), before);
  EXPECT_THAT(SocketClient(web.address).get(), EndsWith("two"));
}

// The caller may continue to use the socket, and to serve the clients in its queue.
TEST_F(OpenSockets, AreUnchangedUntilTheServerAccepts) {
  const Opened web = open_socket("127.0.0.1:0");
  const auto flags = [&] { return ::fcntl(web.socket.get(), F_GETFL); };
  const int before = flags();
  SocketClient waits(web.address);
  waits.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto later = with(web.address, {{.descriptor = web.socket.get()}});
  later.accept_at_once = false;
  {
    Server hesitant(later);
    ASSERT_TRUE(hesitant.start(named("none")));
    EXPECT_FALSE(waits.is_ended_within(20ms));
  }
  EXPECT_FALSE(waits.is_ended_within(20ms));
  EXPECT_EQ(flags(), before);
  start(later, named("one"));
  EXPECT_FALSE(waits.is_ended_within(20ms));
  const auto updated = server().update(later, named("two"));
  ASSERT_FALSE(updated);
  EXPECT_THAT(updated.error().to_string(), HasSubstr("call accept()"));
  server().accept();
  server().accept();
  EXPECT_THAT(waits.read_response(), EndsWith("one"));
}

TEST_F(UpdatedServer, LowersItsMemoryLimitUntilTheNextUpdate) {
  auto made = options();
  made.max_memory = 32UL * 1024 * 1024;
  start(made, named("one"));
  const std::size_t before = server().metrics().memory_limit;
  server().lower_max_memory(64UL * 1024 * 1024);
  EXPECT_EQ(server().metrics().memory_limit, before) << "it is lower already";
  server().lower_max_memory(16UL * 1024 * 1024);
  EXPECT_EQ(server().metrics().memory_limit, before / 2);
  update(made, named("two"));
  EXPECT_EQ(server().metrics().memory_limit, before);
}

TEST_F(OpenSockets, AreRejectedIfUnusable) {
  const Opened web = open_socket("127.0.0.1:0");
  EXPECT_THAT(why_not(with("127.0.0.1:0", {{.descriptor = web.socket.get(), .name = "web"}})),
              AllOf(HasSubstr("nothing listens on " + web.address), HasSubstr("fd:web")));
  EXPECT_THAT(why_not(with("fd:other", {{.descriptor = web.socket.get(), .name = "web"}})),
              HasSubstr("no open socket has the name \"other\""));
  const Opened silent = open_socket("127.0.0.1:0", false);
  EXPECT_THAT(why_not(with("fd:x", {{.descriptor = silent.socket.get(), .name = "x"}})),
              HasSubstr("is not a socket that listens"));
  EXPECT_THAT(why_not(with("fd:x", {{.descriptor = -1, .name = "x"}})), HasSubstr("descriptor -1"));
}

}  // namespace
}  // namespace onehop::test
