// SPDX-License-Identifier: Apache-2.0
#include "server/accept_loop.hpp"

#include "server/worker.hpp"
#include "support/messages.hpp"
#include "support/no_descriptors.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using test::status_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A worker with a real listener. Only the clock is simulated.
class AcceptLoopTest : public ::testing::Test {
 protected:
  AcceptLoopTest() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(2);
    common_->settings.options->defer_accept = false;
    common_->settings.options->log = [this](LogLevel, std::string_view line) {
      logged_.emplace_back(line);
    };
    auto listener = net::TcpListener::open(*net::Address::from_ip("127.0.0.1", 0), {});
    address_ = listener->address();
    listening_ = io::FileDescriptor(::fcntl(listener->descriptor(), F_DUPFD_CLOEXEC, 0));
    common_->settings.listeners.push_back({std::make_shared<Listener>("here"),
                                           std::make_shared<net::TcpListener>(std::move(*listener)),
                                           false});
    worker_ = std::make_unique<Worker>(
        reactor_, common_, make_handler([](Request) { return Response(Status::ok, "served"); }));
    worker_->listen();
    worker_->accept();
    common_->forget_sockets();
  }

  // Returns another descriptor of the listening socket, such as its creator has.
  io::FileDescriptor socket_of_listener() { return std::move(listening_); }
  io::FileDescriptor connect() {
    io::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address_.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return socket;
  }
  void settle() {
    for (int quiet = 0; quiet < 3;)
      quiet = reactor_.run_once(io::Duration::zero()) ? 0 : quiet + 1;
  }
  // Lets the pause of the loop pass, and runs the loop.
  void pass_pause() {
    reactor_.set_time(reactor_.now() + 30ms);
    settle();
  }
  std::size_t connections() const { return common_->admission.connections(); }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  std::shared_ptr<ServerShared> common_;
  net::Address address_;
  io::FileDescriptor listening_;
  std::unique_ptr<Worker> worker_;
  std::vector<std::string> logged_;
};

TEST_F(AcceptLoopTest, AcceptsEveryClient) {
  const auto one = connect();
  settle();
  EXPECT_EQ(connections(), 1u);
  const auto two = connect();
  settle();
  EXPECT_EQ(connections(), 2u);
}

TEST_F(AcceptLoopTest, PausesAtTheLimitAndResumesBelowIt) {
  auto one = connect();
  const auto two = connect();
  const auto three = connect();
  settle();
  EXPECT_EQ(connections(), 2u);
  pass_pause();
  EXPECT_EQ(connections(), 2u);
  one.reset();
  settle();
  EXPECT_EQ(connections(), 1u);
  pass_pause();
  EXPECT_EQ(connections(), 2u);
  EXPECT_THAT(logged_, ElementsAre());
}

TEST_F(AcceptLoopTest, ClosesConnectionsBeyondTheLimitPerClient) {
  common_->admission.set_max_connections(10);
  common_->admission.limit_clients(1, 0);
  auto one = connect();
  const auto two = connect();
  const auto three = connect();
  settle();
  EXPECT_EQ(connections(), 1u);
  char byte = 0;
  EXPECT_EQ(::recv(two.get(), &byte, 1, 0), 0);
  EXPECT_THAT(logged_,
              ElementsAre(HasSubstr("closed 1 connection of clients that already have 1 open")));
  one.reset();
  settle();
  const auto four = connect();
  settle();
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(logged_.size(), 1u);
  for (int i = 0; i < 400; ++i)  // 12 s
    pass_pause();
  EXPECT_THAT(logged_.back(), HasSubstr("(1 more since the last such line)"));
}

// The socket's owner has shut it down, so that no call of accept() can succeed.
TEST_F(AcceptLoopTest, PausesWhenTheSocketFails) {
  const io::FileDescriptor same = socket_of_listener();
  const auto client = connect();
  settle();
  ASSERT_EQ(connections(), 1u);
  ASSERT_EQ(::shutdown(same.get(), SHUT_RD), 0);
  const std::uint64_t before = reactor_.pass();
  settle();
  EXPECT_LT(reactor_.pass() - before, 10u) << "it would be ready in every pass";
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("(the listening socket)")));
  pass_pause();
  EXPECT_EQ(logged_.size(), 1u);
}

TEST_F(AcceptLoopTest, PausesWithoutDescriptorsAndLogsItOnce) {
  const auto client = connect();
  {
    const NoDescriptors none;  // affects even the sanitizers, so nothing is expected in this block
    settle();
    for (int i = 0; i < 10; ++i)
      pass_pause();
  }
  EXPECT_EQ(connections(), 0u);
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("accepting pauses: Too many open files")));
  pass_pause();
  EXPECT_EQ(connections(), 1u);
  const auto other = connect();
  {
    const NoDescriptors none;
    settle();
  }
  EXPECT_EQ(logged_.size(), 1u) << "one that comes and goes is told every ten seconds";
}

// Without this line, the log would be silent for as long as the second pause lasts.
TEST_F(AcceptLoopTest, LogsALaterPauseAgain) {
  const auto client = connect();
  {
    const NoDescriptors none;
    settle();
  }
  pass_pause();
  const auto other = connect();
  {
    const NoDescriptors none;
    settle();
    for (int i = 0; i < 400; ++i)  // 12 s
      pass_pause();
  }
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("accepting pauses: "),
                                   "accepting pauses (1 more since the last such line)"));
}

TEST_F(AcceptLoopTest, LogsALongPauseOnce) {
  const auto client = connect();
  {
    const NoDescriptors none;
    settle();
    for (int i = 0; i < 1000; ++i)  // 30 s
      pass_pause();
  }
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("accepting pauses: ")));
}

TEST_F(AcceptLoopTest, PausesWhenEpollRefusesMoreDescriptors) {
  struct Nobody final : io::Watcher {
    void on_events(std::uint32_t) noexcept override {}
  } nobody;
  const io::FileDescriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_FALSE(reactor_.add(file.get(), nobody, EPOLLIN));  // regular files cannot be watched
  const auto client = connect();
  settle();
  EXPECT_EQ(connections(), 0u);
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("(the kernel refuses to watch more descriptors)")));
  pass_pause();
  EXPECT_EQ(connections(), 1u);
}

// Serves a client that the kernel connected before the end.
TEST_F(AcceptLoopTest, AcceptsQueuedConnectionsWhenItEnds) {
  const auto client = connect();
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_EQ(::send(client.get(), kGet.data(), kGet.size(), 0), static_cast<ssize_t>(kGet.size()));
  bool drained = false;
  worker_->drain(reactor_.now() + 1min, [&] { drained = true; });
  settle();
  std::string answer(4096, '\0');
  const ssize_t got = ::recv(client.get(), answer.data(), answer.size(), 0);
  ASSERT_GT(got, 0);
  answer.resize(static_cast<std::size_t>(got));
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  settle();
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace onehop::server
