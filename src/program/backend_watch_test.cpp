// SPDX-License-Identifier: Apache-2.0
#include "program/backend_watch.hpp"

#include "io/file_descriptor.hpp"
#include "net/address.hpp"
#include "support/no_descriptors.hpp"

#include <chrono>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using observe::Readiness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BackendWatchTest : public ::testing::Test {
 protected:
  ~BackendWatchTest() override { ::unlink(place_.c_str()); }

  // Makes one upstream of each list of backends.
  static BackendWatch::Needed needed(std::initializer_list<std::vector<std::string>> upstreams) {
    BackendWatch::Needed all;
    for (const auto& places : upstreams) {
      all.emplace_back();
      for (const std::string& place : places)
        all.back().backends.push_back({Url::parse("unix:" + place).value()});
    }
    return all;
  }
  std::unique_ptr<BackendWatch> watch(const std::string& place) { return watch({{{place}}}); }
  std::unique_ptr<BackendWatch> watch(std::initializer_list<std::vector<std::string>> upstreams) {
    return std::make_unique<BackendWatch>(
        needed(upstreams), readiness_, checks_,
        [this](LogLevel, const std::string& line) {
          const std::lock_guard lock(mutex_);
          lines_.push_back(line);
        },
        std::chrono::milliseconds(1));
  }
  void open() {
    const auto address = net::Address::from_socket_path(place_).value();
    socket_ = io::FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket_.get(), address.data(), address.size()), 0);
    ASSERT_EQ(::listen(socket_.get(), 1000), 0);
  }
  void close() {
    socket_.reset();
    ::unlink(place_.c_str());
  }
  bool becomes(Readiness wanted) const {
    for (int i = 0; i < 10'000 && *readiness_ != wanted; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return *readiness_ == wanted;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  const std::string place_ = ::testing::TempDir() + "backend_watch.sock";
  const std::shared_ptr<std::atomic<Readiness>> readiness_ =
      std::make_shared<std::atomic<Readiness>>(Readiness::no_upstream);
  const std::shared_ptr<observe::UpstreamChecks> checks_ =
      std::make_shared<observe::UpstreamChecks>();
  io::FileDescriptor socket_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(BackendWatchTest, FollowsTheBackend) {
  const auto watched = watch(place_);
  while (lines().empty())
    std::this_thread::yield();
  EXPECT_EQ(*readiness_, Readiness::no_upstream);
  EXPECT_GT(checks_->all()["default"].failed, 0u);
  EXPECT_EQ(checks_->all()["default"].succeeded, 0u);
  open();
  EXPECT_TRUE(becomes(Readiness::ready));
  EXPECT_GT(checks_->all()["default"].succeeded, 0u);
  close();
  EXPECT_TRUE(becomes(Readiness::no_upstream));
  while (lines().size() < 3)
    std::this_thread::yield();
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("not ready: "), HasSubstr("ready: the backend unix:"),
                                   HasSubstr("accepts no connections: ")));
}

TEST_F(BackendWatchTest, FollowsAReloadToAnotherBackend) {
  open();
  const auto watched = watch("/nowhere/backend.sock");
  while (lines().empty())
    std::this_thread::yield();
  watched->follow(needed({{place_}}));
  EXPECT_TRUE(becomes(Readiness::ready));
}

TEST_F(BackendWatchTest, OneBackendOfEachUpstreamIsEnough) {
  open();
  const auto watched = watch({{"/nowhere/a.sock", place_}});
  ASSERT_TRUE(becomes(Readiness::ready));
  close();
  ASSERT_TRUE(becomes(Readiness::no_upstream));
  while (lines().size() < 2)
    std::this_thread::yield();
  EXPECT_THAT(lines()[1], StartsWith("not ready: no backend accepts connections: "
                                     "unix:/nowhere/a.sock (No such file or directory), unix:" +
                                     place_ + " ("));
}

TEST_F(BackendWatchTest, EveryUpstreamIsNeeded) {
  open();
  const auto watched = watch({{place_}, {"/nowhere/b.sock"}});
  while (lines().empty())
    std::this_thread::yield();
  EXPECT_EQ(*readiness_, Readiness::no_upstream);
  EXPECT_EQ(lines().front(),
            "not ready: the backend unix:/nowhere/b.sock accepts no connections: No such file or "
            "directory");
  watched->follow(needed({{place_}, {"/nowhere/b.sock", place_}}));
  EXPECT_TRUE(becomes(Readiness::ready));
}

// Regression: the service was not ready, and the backend was blamed.
TEST_F(BackendWatchTest, AShortageOfDescriptorsIsNotTheBackends) {
  open();
  const auto watched = watch(place_);
  ASSERT_TRUE(becomes(Readiness::ready));
  {
    const NoDescriptors none;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(*readiness_, Readiness::ready);
  }
  EXPECT_EQ(checks_->all()["default"].failed, 0u);
  EXPECT_EQ(lines().size(), 1u);
  close();
  EXPECT_TRUE(becomes(Readiness::no_upstream));
}

TEST_F(BackendWatchTest, ReportsAShortageThatKeepsTheServiceFromBeingReady) {
  open();
  std::unique_ptr<BackendWatch> watched;
  {
    const NoDescriptors none;
    watched = watch(place_);
    while (lines().empty())
      std::this_thread::yield();
    EXPECT_EQ(*readiness_, Readiness::no_upstream);
  }
  EXPECT_EQ(lines().front(),
            "not ready: the backend unix:" + place_ + " was not probed: Too many open files");
  EXPECT_TRUE(becomes(Readiness::ready));
}

TEST_F(BackendWatchTest, DoesNotAffectADrain) {
  open();
  *readiness_ = Readiness::draining;
  {
    const auto watched = watch("/nowhere/backend.sock");
    while (lines().empty())
      std::this_thread::yield();
    watched->follow(needed({{place_}}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(*readiness_, Readiness::draining);
}

TEST_F(BackendWatchTest, TheServerIsReadyWithoutIt) {
  auto watched = watch(place_);
  while (lines().empty())
    std::this_thread::yield();
  watched.reset();
  EXPECT_EQ(*readiness_, Readiness::ready);
}

}  // namespace
}  // namespace onehop::program
