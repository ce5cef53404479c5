// SPDX-License-Identifier: Apache-2.0
#include "net/dialer.hpp"

#include "base/check.hpp"
#include "net/resolver.hpp"
#include "net/tcp_listener.hpp"
#include "support/name_server.hpp"
#include "support/run_task.hpp"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace onehop::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

Address loopback(std::uint16_t port, const char* ip = "127.0.0.1") {
  return *Address::from_ip(ip, port);
}

TcpListener listen_on(const Address& address) {
  auto listener = TcpListener::open(address, {});
  EXPECT_TRUE(listener) << listener.error().to_string();
  return std::move(*listener);
}

// Returns a port that is unused on every address and outside the ephemeral range, because the tests
// bind it on several addresses in turn.
std::uint16_t spare_port() {
  static std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> ports(20'000, 31'999);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const Address everywhere = loopback(static_cast<std::uint16_t>(ports(random)), "0.0.0.0");
    const io::FileDescriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(probe.get(), everywhere.data(), everywhere.size()) == 0) return everywhere.port();
  }
  ADD_FAILURE() << "no port is free";
  return 0;
}

// A bound port without a listener. It stays reserved while this object exists.
class DeadPort {
 public:
  explicit DeadPort(const char* ip = "127.0.0.1")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address any = loopback(spare_port(), ip);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ONEHOP_CHECK(socket_ && ::bind(socket_.get(), any.data(), any.size()) == 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
    address_ = Address(reinterpret_cast<const sockaddr*>(&bound), size);
  }
  const Address& address() const { return address_; }
  std::uint16_t port() const { return address_.port(); }

 private:
  io::FileDescriptor socket_;
  Address address_;
};

// A listener with a full queue: connections to it neither succeed nor fail.
class Tarpit {
 public:
  explicit Tarpit(const Address& address) : listener_(open(address)) {
    for (int i = 0; i < 16; ++i) {
      fillers_.emplace_back(
          ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const Address& target = listener_.address();
      // Each may succeed, wait or fail. In the end, the queue is full.
      std::ignore = ::connect(fillers_.back().get(), target.data(), target.size());
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  const Address& address() const { return listener_.address(); }
  std::uint16_t port() const { return address().port(); }
  void accept_all() {
    while (listener_.accept()) {
    }
  }

 private:
  static TcpListener open(const Address& address) {
    ListenOptions options;
    options.backlog = 0;
    auto listener = TcpListener::open(address, options);
    EXPECT_TRUE(listener) << listener.error().to_string();
    return std::move(*listener);
  }
  TcpListener listener_;
  std::vector<io::FileDescriptor> fillers_;
};

std::error_code system_code(int error) {
  return {error, std::system_category()};
}

std::ptrdiff_t open_descriptors() {
  using std::filesystem::directory_iterator;
  return std::distance(directory_iterator("/proc/self/fd"), directory_iterator());
}

std::set<int> sockets() {
  std::set<int> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (target.string().starts_with("socket:"))
      all.insert(std::stoi(entry.path().filename().string()));
  }
  return all;
}

// Counts the descriptors in the event loops of this process.
int watched_descriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);)
      count += line.starts_with("tfd:") ? 1 : 0;
  }
  return count;
}

int option(const Stream& stream, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(stream.plain_descriptor(), level, name, &value, &size), 0);
  return value;
}

// Long timeouts for tests whose events must be immediate, however busy the machine is.
const DialOptions kPatient{.attempt_timeout = seconds(20), .total_timeout = seconds(50)};

class DialerTest : public ::testing::Test {
 protected:
  Result<Dialled> dial(const Destination& destination, DialOptions options = {}) {
    KernelDialer dialer(reactor_, options);
    const auto start = std::chrono::steady_clock::now();
    auto dialled = run_task(reactor_, dialer.dial(destination));
    took_ = std::chrono::steady_clock::now() - start;
    return dialled;
  }
  // Makes "backend.test" resolve to `addresses`.
  void name(std::vector<Address> addresses) {
    Resolver::of(reactor_).remember("backend.test", std::move(addresses), seconds(30));
  }
  static void expect_failure(const Result<Dialled>& dialled, std::error_code code) {
    ASSERT_FALSE(dialled);
    const Error& error = dialled.error();
    EXPECT_EQ(error.code(), code) << error.to_string();
    EXPECT_EQ(error.side(), Side::upstream);
    EXPECT_EQ(error.phase(), Phase::connect);
    EXPECT_TRUE(error.retry_safe());
  }

  io::Reactor reactor_;
  Duration took_{};
};

TEST_F(DialerTest, ConnectsToAnIpAddress) {
  const TcpListener listener = listen_on(loopback(0));
  const auto dialled = dial(Destination("127.0.0.1", listener.address().port()));
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, listener.address().to_string());
  const Stream& stream = *dialled->stream;
  EXPECT_NE(option(stream, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(stream, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(stream, IPPROTO_TCP, TCP_KEEPIDLE), 30);
  EXPECT_EQ(option(stream, IPPROTO_TCP, TCP_KEEPINTVL), 30);
  EXPECT_EQ(option(stream, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

task<std::string> echo_word(Stream& stream) {
  stream.try_write("word", 4);
  co_await stream.readable(io::kNever);
  char data[10];
  const IoResult got = stream.try_read(data, sizeof data);
  co_return std::string(data, got.count());
}

TEST_F(DialerTest, TheConnectionCarriesBytes) {
  const TcpListener listener = listen_on(loopback(0));
  const auto dialled = dial(Destination("127.0.0.1", listener.address().port()));
  ASSERT_TRUE(dialled);
  std::thread peer([&] {
    auto accepted = listener.accept();
    while (!accepted)
      accepted = listener.accept();
    const int socket = accepted->socket.get();
    ::fcntl(socket, F_SETFL, 0);
    char data[10];
    const ssize_t got = ::recv(socket, data, sizeof data, 0);
    if (got > 0) ::send(socket, data, static_cast<std::size_t>(got), MSG_NOSIGNAL);
  });
  EXPECT_EQ(run_task(reactor_, echo_word(*dialled->stream)), "word");
  peer.join();
}

TEST_F(DialerTest, ConnectsToAName) {
  const TcpListener listener = listen_on(loopback(0));
  name({loopback(0)});
  const auto dialled = dial(Destination("Backend.test", listener.address().port()));
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, listener.address().to_string());
}

TEST_F(DialerTest, ConnectsToAUnixSocket) {
  const std::string path = ::testing::TempDir() + "dialer." + std::to_string(::getpid());
  const TcpListener listener = listen_on(*Address::from_socket_path(path));
  const auto dialled = dial(Destination(path));
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, "unix:" + path);
}

TEST_F(DialerTest, ReportsAMissingUnixSocket) {
  const auto dialled = dial(Destination("/nonexistent/socket"));
  expect_failure(dialled, system_code(ENOENT));
  EXPECT_THAT(std::string(dialled.error().detail()), HasSubstr("unix:/nonexistent/socket"));
}

TEST_F(DialerTest, WaitsForAUnixSocketWhoseQueueIsFull) {
  const std::string path = ::testing::TempDir() + "tarpit." + std::to_string(::getpid());
  Tarpit tarpit(*Address::from_socket_path(path));
  KernelDialer dialer(reactor_, {});
  const io::Reactor::Enter enter(reactor_);
  const Destination destination(path);
  auto dialling = dialer.dial(destination);
  if (dialling.start()) GTEST_SKIP() << "the queue of a unix socket does not fill here";
  tarpit.accept_all();
  while (!dialling.done())
    reactor_.run_once(milliseconds(10));
  const auto dialled = dialling.take();
  EXPECT_TRUE(dialled) << dialled.error().to_string();
}

TEST_F(DialerTest, ReportsARefusalAtOnce) {
  const DeadPort dead;
  const auto dialled = dial(Destination("127.0.0.1", dead.port()), kPatient);
  expect_failure(dialled, system_code(ECONNREFUSED));
  EXPECT_EQ(dialled.error().detail(), "while connecting to " + dead.address().to_string());
  EXPECT_LT(took_, seconds(10));
}

TEST_F(DialerTest, TriesTheNextAddressAtOnceAfterARefusal) {
  const DeadPort dead;
  const TcpListener listener = listen_on(loopback(dead.port(), "127.0.0.2"));
  name({loopback(0), loopback(0, "127.0.0.2")});
  DialOptions options;
  options.fallback_delay = seconds(20);
  const auto dialled = dial(Destination("backend.test", dead.port()), options);
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, listener.address().to_string());
  EXPECT_LT(took_, seconds(10));
}

TEST_F(DialerTest, TheErrorNamesEveryAddress) {
  const DeadPort dead;
  name({loopback(0), loopback(0, "127.0.0.2"), loopback(0, "127.0.0.3")});
  const auto dialled = dial(Destination("backend.test", dead.port()));
  expect_failure(dialled, system_code(ECONNREFUSED));
  const std::string port = std::to_string(dead.port());
  EXPECT_EQ(dialled.error().detail(), "while connecting to backend.test (127.0.0.1:" + port +
                                          ", 127.0.0.2:" + port + ", 127.0.0.3:" + port + ")");
}

TEST_F(DialerTest, TheErrorNamesFiveOfManyAddresses) {
  const DeadPort dead;
  name(std::vector<Address>(24, dead.address()));
  const auto dialled = dial(Destination("backend.test", dead.port()));
  expect_failure(dialled, system_code(ECONNREFUSED));
  const std::string one = dead.address().to_string();
  EXPECT_EQ(dialled.error().detail(), "while connecting to backend.test (" + one + ", " + one +
                                          ", " + one + ", " + one + ", " + one + " and 19 more)");
}

TEST_F(DialerTest, StartsASecondAttemptAfterTheFallbackDelay) {
  const Tarpit tarpit(loopback(spare_port()));
  const TcpListener listener = listen_on(loopback(tarpit.port(), "127.0.0.2"));
  name({loopback(0), loopback(0, "127.0.0.2")});
  DialOptions options = kPatient;
  options.fallback_delay = milliseconds(50);
  const auto before = open_descriptors();
  {
    const auto dialled = dial(Destination("backend.test", tarpit.port()), options);
    ASSERT_TRUE(dialled) << dialled.error().to_string();
    EXPECT_EQ(dialled->address, listener.address().to_string());
    EXPECT_GE(took_, milliseconds(50));
    EXPECT_LT(took_, seconds(10));
    EXPECT_EQ(open_descriptors(), before + 1) << "the slower attempt is closed";
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(DialerTest, ASilentAddressTimesOut) {
  const Tarpit tarpit(loopback(spare_port()));
  DialOptions options = kPatient;
  options.attempt_timeout = milliseconds(50);
  const auto dialled = dial(Destination("127.0.0.1", tarpit.port()), options);
  expect_failure(dialled, make_error_code(Errc::timed_out));
  EXPECT_TRUE(dialled.error().is_timeout());
  EXPECT_GE(took_, milliseconds(50));
  EXPECT_LT(took_, seconds(10));
}

TEST_F(DialerTest, TheTotalTimeoutCoversAllAddresses) {
  const Tarpit first(loopback(spare_port()));
  const Tarpit second(loopback(first.port(), "127.0.0.2"));
  const Tarpit third(loopback(first.port(), "127.0.0.3"));
  name({loopback(0), loopback(0, "127.0.0.2"), loopback(0, "127.0.0.3")});
  DialOptions options = kPatient;
  options.fallback_delay = milliseconds(40);
  options.total_timeout = milliseconds(100);
  const auto dialled = dial(Destination("backend.test", first.port()), options);
  expect_failure(dialled, make_error_code(Errc::timed_out));
  EXPECT_GE(took_, milliseconds(100));
  EXPECT_LT(took_, seconds(10));
}

TEST_F(DialerTest, TriesTheNextAddressAfterATimeout) {
  const Tarpit tarpit(loopback(spare_port()));
  const TcpListener listener = listen_on(loopback(tarpit.port(), "127.0.0.2"));
  name({loopback(0), loopback(0, "127.0.0.2")});
  DialOptions options;
  options.attempt_timeout = milliseconds(50);
  options.fallback_delay = seconds(20);
  const auto dialled = dial(Destination("backend.test", tarpit.port()), options);
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, listener.address().to_string());
}

TEST_F(DialerTest, DestroyingTheTaskClosesEveryAttempt) {
  const Tarpit first(loopback(spare_port()));
  const Tarpit second(loopback(first.port(), "127.0.0.2"));
  name({loopback(0), loopback(0, "127.0.0.2")});
  DialOptions options;
  options.fallback_delay = milliseconds(10);
  KernelDialer dialer(reactor_, options);
  const Destination destination("backend.test", first.port());
  const auto before = open_descriptors();
  {
    const io::Reactor::Enter enter(reactor_);
    auto dialling = dialer.dial(destination);
    EXPECT_FALSE(dialling.start());
    while (open_descriptors() < before + 2)
      reactor_.run_once(milliseconds(10));
    EXPECT_FALSE(dialling.done());
  }
  EXPECT_EQ(open_descriptors(), before);
  reactor_.run_once(milliseconds(20));
}

// The handshake takes until the second SYN, one second later, as it can over a slow network.
TEST_F(DialerTest, WaitsForASlowConnection) {
  Tarpit tarpit(loopback(spare_port()));
  KernelDialer dialer(reactor_, kPatient);
  const io::Reactor::Enter enter(reactor_);
  const Destination destination("127.0.0.1", tarpit.port());
  auto dialling = dialer.dial(destination);
  ASSERT_FALSE(dialling.start());
  while (!dialling.done()) {
    tarpit.accept_all();
    reactor_.run_once(milliseconds(10));
  }
  const auto dialled = dialling.take();
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, tarpit.address().to_string());
}

// The timer fires before the event is delivered, as in a process that was suspended.
TEST_F(DialerTest, ChecksForAFinishedConnectionAtTheDeadline) {
  io::Reactor reactor(io::Reactor::Clock::manual);
  Tarpit tarpit(loopback(spare_port()));
  KernelDialer dialer(reactor, kPatient);
  const io::Reactor::Enter enter(reactor);
  const Destination destination("127.0.0.1", tarpit.port());
  const std::set<int> before = sockets();
  auto dialling = dialer.dial(destination);
  ASSERT_FALSE(dialling.start());
  std::vector<pollfd> made;
  for (const int each : sockets()) {
    if (!before.contains(each)) made.push_back({each, POLLOUT, 0});
  }
  ASSERT_EQ(made.size(), 1u);
  const auto give_up = std::chrono::steady_clock::now() + seconds(30);
  while (::poll(made.data(), 1, 10) == 0 && std::chrono::steady_clock::now() < give_up)
    tarpit.accept_all();
  reactor.set_time(reactor.now() + seconds(30));
  reactor.run_once(Duration::zero());
  ASSERT_TRUE(dialling.done());
  const auto dialled = dialling.take();
  ASSERT_TRUE(dialled) << dialled.error().to_string();
}

TEST_F(DialerTest, WaitsForASlowRefusal) {
  std::optional<Tarpit> tarpit(std::in_place, loopback(spare_port()));
  KernelDialer dialer(reactor_, kPatient);
  const io::Reactor::Enter enter(reactor_);
  const Destination destination("127.0.0.1", tarpit->port());
  auto dialling = dialer.dial(destination);
  ASSERT_FALSE(dialling.start());
  tarpit.reset();
  while (!dialling.done())
    reactor_.run_once(milliseconds(10));
  expect_failure(dialling.take(), system_code(ECONNREFUSED));
}

// Between fork and exec, a child process has a copy of every socket.
TEST_F(DialerTest, ADestroyedAttemptIsUnregisteredEvenIfAChildHasItsSocket) {
  const Tarpit tarpit(loopback(spare_port()));
  KernelDialer dialer(reactor_, {});
  const Destination destination("127.0.0.1", tarpit.port());
  const std::set<int> before = sockets();
  const auto watched = watched_descriptors();
  std::vector<io::FileDescriptor> of_child;
  {
    const io::Reactor::Enter enter(reactor_);
    auto dialling = dialer.dial(destination);
    ASSERT_FALSE(dialling.start());
    while (watched_descriptors() == watched)
      reactor_.run_once(milliseconds(10));
    for (const int each : sockets()) {
      if (!before.contains(each)) of_child.emplace_back(::dup(each));
    }
  }
  EXPECT_EQ(of_child.size(), 1u);
  EXPECT_EQ(watched_descriptors(), watched);
}

TEST_F(DialerTest, ResolvesTheName) {
  const TcpListener listener = listen_on(loopback(0));
  NameServer server(reactor_);
  NameServer::Host host;
  host.v4 = {"127.0.0.1"};
  server.set_host("backend.test", host);
  ResolverOptions options;
  options.servers = server.address();
  Resolver::of(reactor_, options);
  const auto dialled = dial(Destination("backend.test", listener.address().port()));
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(dialled->address, listener.address().to_string());

  const auto missing = dial(Destination("missing.test", 80));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(Errc::name_not_resolved));
  EXPECT_EQ(missing.error().phase(), Phase::resolve);
  EXPECT_TRUE(missing.error().retry_safe());
}

TEST_F(DialerTest, QueriesTheGivenNameServers) {
  const TcpListener listener = listen_on(loopback(0));
  NameServer usual(reactor_);
  ResolverOptions of_usual;
  of_usual.servers = usual.address();
  Resolver::of(reactor_, of_usual);
  NameServer other(reactor_);
  NameServer::Host host;
  host.v4 = {"127.0.0.1"};
  other.set_host("backend.test", host);
  DialOptions options;
  options.name_servers = other.address();
  for (int i = 0; i < 2; ++i) {
    const auto dialled = dial(Destination("backend.test", listener.address().port()), options);
    ASSERT_TRUE(dialled) << dialled.error().to_string();
  }
  EXPECT_EQ(usual.questions(), 0);
  EXPECT_EQ(other.questions(), 2) << "one for each family; the second dial knows the response";
}

TEST_F(DialerTest, ASlowLookUpCountsAgainstTheTotal) {
  NameServer server(reactor_);
  server.set_mood(NameServer::Mood::silent);
  ResolverOptions resolver_options;
  resolver_options.servers = server.address();
  Resolver::of(reactor_, resolver_options);
  DialOptions options;
  options.total_timeout = milliseconds(50);
  const auto dialled = dial(Destination("backend.test", 80), options);
  ASSERT_FALSE(dialled);
  EXPECT_TRUE(dialled.error().is(Errc::timed_out));
  EXPECT_EQ(dialled.error().side(), Side::upstream);
  EXPECT_EQ(dialled.error().phase(), Phase::resolve);
  EXPECT_TRUE(dialled.error().retry_safe());
  EXPECT_THAT(std::string(dialled.error().detail()), HasSubstr("backend.test"));
}

// Moves the calling thread into a network namespace whose only ephemeral port is `port`.
bool enter_network_with_one_port(std::uint16_t port) {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const io::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM, 0));
  ifreq loopback_up{};
  std::string("lo").copy(loopback_up.ifr_name, IFNAMSIZ - 1);
  loopback_up.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &loopback_up) != 0) return false;
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << port << ' ' << port + 1 << std::flush;
  return range.good();
}

TEST(Dialer, TreatsASelfConnectionAsARefusal) {
  constexpr std::uint16_t kPort = 40000;
  bool has_network = false;
  int surprises = 0;
  std::thread([&] {
    has_network = enter_network_with_one_port(kPort);
    if (!has_network) return;
    io::Reactor reactor;
    KernelDialer dialer(reactor, {});
    const Destination destination("127.0.0.1", kPort);
    for (int i = 0; i < 20; ++i) {
      const auto dialled = run_task(reactor, dialer.dial(destination));
      if (dialled || dialled.error().code() != std::errc::connection_refused) ++surprises;
    }
  }).join();
  if (!has_network) GTEST_SKIP() << "needs the right to make a network namespace";
  EXPECT_EQ(surprises, 0);
}

}  // namespace
}  // namespace onehop::net
