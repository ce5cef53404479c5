// SPDX-License-Identifier: Apache-2.0
#include "program/systemd_reports.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;
using namespace std::chrono_literals;

// The end of the service manager.
class Manager {
 public:
  explicit Manager(std::string name) : name_(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool is_abstract = name_.starts_with('@');
    if (is_abstract) address.sun_path[0] = '\0';
    const auto size = offsetof(sockaddr_un, sun_path) + name_.size() + (is_abstract ? 0 : 1);
    ::unlink(name_.c_str());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(size)),
              0);
    const timeval patience = {.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::unlink(name_.c_str()); }

  const std::string& name() const noexcept { return name_; }
  ManagerSocket client() const { return std::move(*ManagerSocket::open(name_)); }
  // Returns the next report, or "" if none comes.
  std::string receive(int flags = 0) const {
    std::array<char, 4096> text{};
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), flags);
    return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
  }
  // Returns the next report that is not a sign of life.
  std::string receive_other() const {
    for (;;) {
      if (std::string report = receive(); report != "WATCHDOG=1") return report;
    }
  }

 private:
  std::string name_;
  io::FileDescriptor socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

std::string path_for(const char* test) {
  return "/tmp/onehop-" + std::to_string(::getpid()) + "-" + test;
}

ManagerReports::Sources steady(std::string status) {
  return {.is_alive = [](auto) { return true; },
          .status = [status = std::move(status)] { return status; }};
}

void make_ready(ManagerReports& reports, ManagerReports::Sources sources) {
  reports.watch(std::move(sources));
  reports.ready();
}

TEST(ManagerSocketTest, ReachesPathsAndAbstractNames) {
  for (const std::string& name : {path_for("notify"), "@" + path_for("abstract").substr(1)}) {
    const Manager manager(name);
    const auto socket = ManagerSocket::open(name);
    ASSERT_TRUE(socket) << socket.error().detail();
    socket->send("READY=1");
    EXPECT_EQ(manager.receive(), "READY=1") << name;
  }
}

TEST(ManagerSocketTest, ToleratesAMissingManager) {
  const auto socket = ManagerSocket::open(path_for("nobody"));
  ASSERT_TRUE(socket);
  socket->send("READY=1");
  const Manager late(path_for("nobody"));
  socket->send("READY=1");
  EXPECT_EQ(late.receive(), "READY=1") << "one that starts again is found";
}

TEST(ManagerSocketTest, RejectsInvalidNames) {
  const std::string cases[] = {
      "relative", "@", "/", "vsock:2:1", std::string(109, '@'), "/" + std::string(107, 'x')};
  for (const std::string& name : cases) {
    const auto socket = ManagerSocket::open(name);
    ASSERT_FALSE(socket) << name;
    EXPECT_THAT(std::string(socket.error().detail()), HasSubstr("NOTIFY_SOCKET: '" + name));
  }
}

TEST(ManagerStates, HaveOneLineEach) {
  EXPECT_EQ(ready_state("listening on :80"), "READY=1\nSTATUS=listening on :80");
  EXPECT_EQ(status_state("a\nREADY=0"), "STATUS=a READY=0");
  EXPECT_EQ(stopping_state("draining"), "STOPPING=1\nSTATUS=draining");
  EXPECT_THAT(reloading_state("reloading"),
              MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*\nSTATUS=reloading"));
}

TEST(ManagerReportsTest, ReportsReadyReloadingAndStopping) {
  const Manager manager(path_for("order"));
  ManagerReports reports(manager.client(), 0ns);
  reports.reloading();
  reports.reloaded();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "") << "not before it is ready";
  make_ready(reports, steady("well"));
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=well");
  reports.reloading();
  EXPECT_THAT(manager.receive(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  reports.reloaded();
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=well");
  reports.reloaded();
  reports.stopping();
  EXPECT_EQ(manager.receive(), "STOPPING=1\nSTATUS=well");
  reports.reloading();
  reports.stopping();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "") << "once, and no reload afterwards";
}

TEST(ManagerReportsTest, AServiceThatStopsWhileItStartsIsNotReady) {
  const Manager manager(path_for("early"));
  ManagerReports reports(manager.client(), 0ns);
  reports.stopping();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "");
  make_ready(reports, steady("draining"));
  EXPECT_EQ(manager.receive(), "STOPPING=1\nSTATUS=draining");
  reports.stopping();
  reports.reloading();
  reports.reloaded();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "");
}

TEST(ManagerReportsTest, TheStatusIsSentWhenItChanges) {
  const Manager manager(path_for("status"));
  std::atomic<int> requests = 0;
  std::atomic<int> asked = 0;
  ManagerReports reports(manager.client(), 0ns);
  make_ready(reports, {.is_alive = [](auto) { return true; },
                       .status =
                           [&] {
                             ++asked;
                             return std::to_string(requests) + " requests";
                           },
                       .status_period = 1ms});
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=0 requests");
  while (asked < 5)
    std::this_thread::yield();
  requests = 7;
  EXPECT_EQ(manager.receive(), "STATUS=7 requests");
  reports.finish();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "");
}

TEST(ManagerReportsTest, AWatchdogPingNeedsEveryWorker) {
  const Manager manager(path_for("watchdog"));
  std::atomic<bool> is_stuck = true;
  std::atomic<int> asked = 0;
  ManagerReports reports(manager.client(), 40ms);
  make_ready(reports, {.is_alive =
                           [&](auto patience) {
                             EXPECT_EQ(patience, 10ms);
                             ++asked;
                             return !is_stuck;
                           },
                       .status = [] { return "x"; }});
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=x");
  while (asked < 5)
    std::this_thread::yield();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "");
  is_stuck = false;
  EXPECT_EQ(manager.receive(), "WATCHDOG=1");
  EXPECT_EQ(manager.receive(), "WATCHDOG=1");
  reports.stopping();
  EXPECT_EQ(manager.receive_other(), "STOPPING=1\nSTATUS=x");
  EXPECT_EQ(manager.receive(), "WATCHDOG=1") << "a drain may take longer than the watchdog";
}

TEST(ManagerReportsTest, QueriesNothingWithoutAManager) {
  ManagerReports reports(ManagerSocket(), 1ms);
  make_ready(reports, {.is_alive = [](auto) -> bool { throw 1; },
                       .status = []() -> std::string { throw 1; }});
  reports.reloading();
  reports.reloaded();
  reports.stopping();
}

TEST(ManagerReportsTest, OnlyTheNewProcessReportsAfterAnUpgrade) {
  const Manager manager(path_for("upgrade"));
  ManagerReports reports(manager.client(), 0s);
  make_ready(reports, steady("serves"));
  EXPECT_THAT(manager.receive(), StartsWith("READY=1"));
  reports.hand_over(4242);
  EXPECT_EQ(manager.receive(), "MAINPID=4242");
  // The new process has ended before this process left.
  reports.hand_over(::getpid());
  EXPECT_EQ(manager.receive(), "MAINPID=" + std::to_string(::getpid()));
  reports.reloading();
  EXPECT_THAT(manager.receive(), StartsWith("RELOADING=1"));
  reports.reloaded();
  EXPECT_THAT(manager.receive(), StartsWith("READY=1"));
  reports.hand_over(4242);
  EXPECT_EQ(manager.receive(), "MAINPID=4242");
  reports.reloading();
  reports.stopping();
  reports.finish();
  EXPECT_EQ(manager.receive(MSG_DONTWAIT), "");
}

}  // namespace
}  // namespace onehop::program
