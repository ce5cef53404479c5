// SPDX-License-Identifier: Apache-2.0
#include "net/tcp_listener.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

// A folder for socket files, removed with its content.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "listener.XXXXXX";
    name_ = ::mkdtemp(name.data()) ? name : "";
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    ::unlink(path().c_str());
    ::rmdir(name_.c_str());
  }
  const std::string& name() const { return name_; }
  std::string path() const { return name_ + "/s"; }
  Address address() const { return *Address::from_socket_path(path()); }

 private:
  std::string name_;
};

bool exists(const std::string& path) {
  struct stat file{};
  return ::lstat(path.c_str(), &file) == 0;
}

int option(int socket, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
  return value;
}

// Connects a blocking client.
io::FileDescriptor connect_to(const Address& address) {
  io::FileDescriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), address.data(), address.size()), 0) << errno;
  return socket;
}

std::expected<TcpListener::Accepted, int> accept_soon(const TcpListener& listener) {
  pollfd ready{listener.descriptor(), POLLIN, 0};
  ::poll(&ready, 1, 5000);
  return listener.accept();
}

TcpListener open_on(std::string_view ip, ListenOptions options = {}) {
  auto listener = TcpListener::open(*Address::from_ip(ip, 0), options);
  EXPECT_TRUE(listener.has_value()) << listener.error().to_string();
  return std::move(*listener);
}

TEST(TcpListener, ReportsItsPort) {
  const TcpListener listener = open_on("127.0.0.1");
  EXPECT_NE(listener.address().port(), 0);
  EXPECT_EQ(listener.address().ip(), "127.0.0.1");
}

TEST(TcpListener, AcceptsNonBlockingSocketsWithNoDelay) {
  const TcpListener listener = open_on("127.0.0.1");
  const auto none = listener.accept();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), EAGAIN);

  const io::FileDescriptor client = connect_to(listener.address());
  const auto accepted = accept_soon(listener);
  ASSERT_TRUE(accepted);
  const int socket = accepted->socket.get();
  EXPECT_EQ(accepted->peer.ip(), "127.0.0.1");
  EXPECT_NE(accepted->peer.port(), 0);
  EXPECT_NE(::fcntl(socket, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(option(socket, IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(TcpListener, EnablesTcpKeepAlive) {
  const TcpListener listener = open_on("127.0.0.1");
  const io::FileDescriptor client = connect_to(listener.address());
  const auto accepted = accept_soon(listener);
  ASSERT_TRUE(accepted);
  const int socket = accepted->socket.get();
  EXPECT_NE(option(socket, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPINTVL), 20);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

TEST(TcpListener, DeferredConnectionsArriveWithTheirFirstBytes) {
  ListenOptions options;
  options.defer_accept = true;
  const TcpListener listener = open_on("127.0.0.1", options);
  const io::FileDescriptor client = connect_to(listener.address());
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  const auto accepted = accept_soon(listener);
  ASSERT_TRUE(accepted);
  char byte = 0;
  EXPECT_EQ(::recv(accepted->socket.get(), &byte, 1, 0), 1);
}

TEST(TcpListener, TheWildcardAddressCoversBothFamilies) {
  auto listener = TcpListener::open(*Address::parse_listen(":0"), {});
  ASSERT_TRUE(listener);
  if (listener->address().family() != AF_INET6) GTEST_SKIP() << "no IPv6 here";
  const auto v4 = connect_to(*Address::from_ip("127.0.0.1", listener->address().port()));
  auto accepted = accept_soon(*listener);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->peer.ip(), "127.0.0.1");
}

TEST(TcpListener, NamesTheRemedyWhenThePortIsTaken) {
  const TcpListener first = open_on("127.0.0.1");
  const auto second = TcpListener::open(first.address(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), std::errc::address_in_use);
  EXPECT_EQ(second.error().side(), Side::local);
  const std::string detail(second.error().detail());
  EXPECT_THAT(detail, HasSubstr("cannot listen on " + first.address().to_string()));
  EXPECT_THAT(detail, HasSubstr("--listen"));
  EXPECT_THAT(detail, ::testing::Not(HasSubstr("\n")));
}

TEST(TcpListener, NamesTheRemedyWhenTheAddressIsNotLocal) {
  const auto listener = TcpListener::open(*Address::from_ip("192.0.2.1", 8080), {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code(), std::errc::address_not_available);
  EXPECT_THAT(std::string(listener.error().detail()), HasSubstr(":8080 listens on all"));
}

TEST(TcpListener, NamesTheRemediesWhenThePortIsPrivileged) {
  const bool was_root = ::geteuid() == 0 && ::seteuid(65534) == 0;
  const auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 79), {});
  if (was_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  if (listener) GTEST_SKIP() << "port 79 is not privileged here";
  EXPECT_EQ(listener.error().code(), std::errc::permission_denied);
  const std::string detail(listener.error().detail());
  EXPECT_THAT(detail, HasSubstr("cap_net_bind_service=+ep"));
  EXPECT_THAT(detail, HasSubstr("ip_unprivileged_port_start=79"));
  EXPECT_THAT(detail, HasSubstr("AmbientCapabilities=CAP_NET_BIND_SERVICE"));
}

TEST(TcpListener, CanReuseAPortInTimeWait) {
  Address address;
  io::FileDescriptor client;
  {
    const TcpListener listener = open_on("127.0.0.1");
    address = listener.address();
    client = connect_to(address);
    ASSERT_TRUE(accept_soon(listener));  // closed on this side first, so that TIME_WAIT is here
  }
  client.reset();
  const auto again = TcpListener::open(address, {});
  EXPECT_TRUE(again) << again.error().to_string();
}

TEST(TcpListener, AcceptsOnAUnixSocketAndRemovesItsFile) {
  const Folder folder;
  {
    auto listener = TcpListener::open(folder.address(), {});
    ASSERT_TRUE(listener) << listener.error().to_string();
    EXPECT_EQ(listener->address().to_string(), "unix:" + folder.path());
    const auto client = connect_to(folder.address());
    const auto accepted = accept_soon(*listener);
    ASSERT_TRUE(accepted);
    EXPECT_TRUE(accepted->peer.is_unix());
    EXPECT_TRUE(exists(folder.path()));
  }
  EXPECT_FALSE(exists(folder.path()));
}

// Leaves a socket file as a dead process would.
void leave_socket_file(const Folder& folder) {
  const io::FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(dead.get(), folder.address().data(), folder.address().size()), 0);
}

TEST(TcpListener, ReplacesAStaleSocketFile) {
  const Folder folder;
  leave_socket_file(folder);
  ASSERT_TRUE(exists(folder.path()));
  const auto listener = TcpListener::open(folder.address(), {});
  EXPECT_TRUE(listener) << listener.error().to_string();
}

TEST(TcpListener, KeepsASocketFileInUse) {
  const Folder folder;
  const auto first = TcpListener::open(folder.address(), {});
  ASSERT_TRUE(first);
  const auto second = TcpListener::open(folder.address(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), std::errc::address_in_use);
  EXPECT_TRUE(exists(folder.path()));
  connect_to(folder.address());
}

int descriptors_of(const std::string& path) {
  int count = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(each.path(), gone) == path ? 1 : 0;
  }
  return count;
}

// Between its bind(2) and its listen(2), a process looks like one that has ended.
TEST(TcpListener, KeepsTheSocketFileOfAStartingProcess) {
  const Folder folder;
  io::FileDescriptor lock(::open(folder.name().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const io::FileDescriptor other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(other.get(), folder.address().data(), folder.address().size()), 0);
  std::atomic<bool> over = false;
  std::optional<Result<TcpListener>> second;
  std::thread thread([&] {
    second = TcpListener::open(folder.address(), {});
    over = true;
  });
  while (!over && descriptors_of(folder.name()) < 2)
    std::this_thread::yield();
  EXPECT_EQ(::listen(other.get(), 8), 0);
  lock.reset();
  thread.join();
  ASSERT_FALSE(*second);
  EXPECT_EQ(second->error().code(), std::errc::address_in_use);
  connect_to(folder.address());
}

// Any process may lock /tmp and /run. Regression: this blocked the event loop for 5 s.
TEST(TcpListener, DoesNotBlockOnALockedFolderWhenDestroyed) {
  const Folder folder;
  auto listener = TcpListener::open(folder.address(), {});
  ASSERT_TRUE(listener);
  io::FileDescriptor lock(::open(folder.name().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const auto start = std::chrono::steady_clock::now();
  {
    const TcpListener ended = std::move(*listener);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  EXPECT_TRUE(exists(folder.path())) << "it could be another's by now";
  lock.reset();
  EXPECT_TRUE(TcpListener::open(folder.address(), {})) << "who comes next replaces it";
}

// Such a folder cannot be locked. Regression: a stale socket file stayed there.
TEST(TcpListener, NeedsNoLockInAnUnreadableFolder) {
  const Folder folder;
  ASSERT_EQ(::chmod(folder.name().c_str(), 0333), 0);
  bool may_read = true;
  std::jthread([&] {
    ::setfsuid(65534);  // for this thread only
    may_read = ::open(folder.name().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
    if (may_read) return;
    leave_socket_file(folder);
    const auto listener = TcpListener::open(folder.address(), {});
    EXPECT_TRUE(listener) << listener.error().to_string();
  }).join();
  if (may_read) GTEST_SKIP() << "this user may read every folder";
  EXPECT_FALSE(exists(folder.path())) << "it is removed at the end";
}

TEST(TcpListener, OnlyOneOfSeveralListensOnAStaleSocketFile) {
  constexpr int kRounds = 100;
  constexpr int kProcesses = 4;
  for (int round = 0; round < kRounds; ++round) {
    const Folder folder;
    leave_socket_file(folder);
    std::vector<std::optional<Result<TcpListener>>> opened(kProcesses);
    std::latch start(kProcesses);
    std::vector<std::jthread> threads;
    for (auto& one : opened) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        one = TcpListener::open(folder.address(), {});
      });
    }
    threads.clear();
    const auto listening =
        std::ranges::count_if(opened, [](const auto& one) { return one->has_value(); });
    ASSERT_EQ(listening, 1) << "in round " << round;
    connect_to(folder.address());
  }
}

TEST(TcpListener, DoesNotRemoveTheSocketFileOfAConcurrentSuccessor) {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    const Folder folder;
    auto opened = TcpListener::open(folder.address(), {});
    ASSERT_TRUE(opened);
    std::optional<TcpListener> first(std::move(*opened));
    std::optional<Result<TcpListener>> second;
    std::jthread successor([&] {
      do {
        second = TcpListener::open(folder.address(), {});
      } while (!*second);
    });
    first.reset();
    successor.join();
    ASSERT_TRUE(exists(folder.path())) << "in round " << round;
    connect_to(folder.address());
  }
}

TEST(TcpListener, KeepsAFileThatIsNotASocket) {
  const Folder folder;
  std::ofstream(folder.path()) << "precious";
  const auto listener = TcpListener::open(folder.address(), {});
  ASSERT_FALSE(listener);
  EXPECT_THAT(std::string(listener.error().detail()), HasSubstr("a file exists at that path"));
  std::string text;
  std::ifstream(folder.path()) >> text;
  EXPECT_EQ(text, "precious");
}

TEST(TcpListener, KeepsTheSocketFileOfASuccessor) {
  const Folder folder;
  auto first = TcpListener::open(folder.address(), {});
  ASSERT_TRUE(first);
  ::unlink(folder.path().c_str());
  const auto second = TcpListener::open(folder.address(), {});
  ASSERT_TRUE(second);
  {
    const TcpListener closing = std::move(*first);
  }
  EXPECT_TRUE(exists(folder.path()));
}

TEST(TcpListener, ReportsAMissingFolder) {
  const auto listener = TcpListener::open(*Address::from_socket_path("/nonexistent/s"), {});
  ASSERT_FALSE(listener);
  EXPECT_THAT(std::string(listener.error().detail()), HasSubstr("no such folder"));
}

TEST(TcpListener, AssignmentClosesTheOldListener) {
  const Folder folder;
  auto on_file = TcpListener::open(folder.address(), {});
  ASSERT_TRUE(on_file);
  TcpListener listener = open_on("127.0.0.1");
  const Address address = listener.address();
  *on_file = std::move(listener);
  EXPECT_FALSE(exists(folder.path()));
  EXPECT_EQ(on_file->address(), address);
  connect_to(address);
  EXPECT_TRUE(accept_soon(*on_file));
}

// Connections that have sent nothing yet count as well.
TEST(TcpListener, CountsWaitingConnections) {
  auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(listener) << listener.error().to_string();
  EXPECT_EQ(listener->waiting(), 0u);
  std::vector<io::FileDescriptor> clients;
  const auto& address = listener->address();
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), address.data(), address.size()), 0);
  }
  EXPECT_EQ(listener->waiting(), 3u);
  EXPECT_TRUE(listener->accept());
  EXPECT_EQ(listener->waiting(), 2u);
}

}  // namespace
}  // namespace onehop::net
