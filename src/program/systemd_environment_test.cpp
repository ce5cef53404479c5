// SPDX-License-Identifier: Apache-2.0
#include "program/systemd_environment.hpp"

#include <cstdlib>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const std::string kOurs = std::to_string(::getpid());

class ManagerEnvironmentTest : public ::testing::Test {
 protected:
  ManagerEnvironmentTest() { clear(); }
  ~ManagerEnvironmentTest() override { clear(); }

  static config::Parsed<ManagerEnvironment> take(const std::map<std::string, std::string>& given) {
    for (const auto& [name, value] : given)
      ::setenv(name.c_str(), value.c_str(), 1);
    return take_manager_environment();
  }
  static void clear() {
    for (const char* name : kNames)
      ::unsetenv(name);
  }
  static constexpr const char* kNames[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                           "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
};

// Opens the descriptors from 3 on that the test program does not have open.
class OpenDescriptors {
 public:
  explicit OpenDescriptors(int count) {
    for (int number = 3; number < 3 + count; ++number) {
      if (::fcntl(number, F_GETFD) >= 0) continue;
      const int opened = ::open("/dev/null", O_RDONLY);
      if (opened != number) {
        ::dup2(opened, number);
        ::close(opened);
      }
      made_.push_back(number);
    }
  }
  OpenDescriptors(const OpenDescriptors&) = delete;
  OpenDescriptors& operator=(const OpenDescriptors&) = delete;
  ~OpenDescriptors() {
    for (const int number : made_)
      ::close(number);
  }

 private:
  std::vector<int> made_;
};

TEST_F(ManagerEnvironmentTest, IsEmptyWithoutAManager) {
  const auto taken = take({});
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_EQ(taken->notify_socket, "");
  EXPECT_EQ(taken->watchdog, 0us);
  EXPECT_THAT(taken->sockets, IsEmpty());
}

TEST_F(ManagerEnvironmentTest, IsRemovedFromTheEnvironment) {
  const OpenDescriptors open(1);
  const auto taken = take({{"NOTIFY_SOCKET", "/run/x"},
                           {"WATCHDOG_USEC", "30000000"},
                           {"WATCHDOG_PID", kOurs},
                           {"LISTEN_PID", kOurs},
                           {"LISTEN_FDS", "1"},
                           {"LISTEN_FDNAMES", "web"}});
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_EQ(taken->notify_socket, "/run/x");
  EXPECT_EQ(taken->watchdog, 30s);
  EXPECT_THAT(taken->sockets, ElementsAre(InheritedSocket{"web", 3}));
  for (const char* name : kNames)
    EXPECT_EQ(::getenv(name), nullptr) << name;
}

TEST_F(ManagerEnvironmentTest, SocketsGetTheirNamesInOrder) {
  const OpenDescriptors open(3);
  const auto taken =
      take({{"LISTEN_PID", kOurs}, {"LISTEN_FDS", "3"}, {"LISTEN_FDNAMES", "web:onehop.socket:"}});
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_THAT(taken->sockets,
              ElementsAre(InheritedSocket{"web", 3}, InheritedSocket{"onehop.socket", 4},
                          InheritedSocket{"", 5}));
  EXPECT_EQ(::fcntl(4, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ManagerEnvironmentTest, SocketsWithoutNamesAreUnknown) {
  const OpenDescriptors open(2);
  const auto taken = take({{"LISTEN_PID", kOurs}, {"LISTEN_FDS", "2"}});
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_THAT(taken->sockets,
              ElementsAre(InheritedSocket{"unknown", 3}, InheritedSocket{"unknown", 4}));
}

TEST_F(ManagerEnvironmentTest, IgnoresVariablesForAnotherProcess) {
  const auto taken = take({{"LISTEN_PID", "1"},
                           {"LISTEN_FDS", "nonsense"},
                           {"WATCHDOG_PID", "1"},
                           {"WATCHDOG_USEC", "5000000"}});
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_THAT(taken->sockets, IsEmpty());
  EXPECT_EQ(taken->watchdog, 0us);
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
}

TEST_F(ManagerEnvironmentTest, AWatchdogWithoutAProcessIsOurs) {
  EXPECT_EQ(take({{"WATCHDOG_USEC", "2000000"}})->watchdog, 2s);
  EXPECT_EQ(take({{"WATCHDOG_USEC", "18446744073709551615"}})->watchdog, 0us) << "infinity";
}

struct BadVariables {
  std::map<std::string, std::string> variables;
  std::string words;
};

TEST_F(ManagerEnvironmentTest, RejectsInvalidValuesAtTheStart) {
  const OpenDescriptors open(1);
  const BadVariables cases[] = {
      {{{"LISTEN_FDS", "-1"}}, "LISTEN_FDS: '-1' is not a number"},
      {{{"LISTEN_FDS", "1x"}}, "LISTEN_FDS: '1x' is not a number"},
      {{{"LISTEN_FDS", "99999999"}}, "is not a number of sockets"},
      {{{"LISTEN_FDS", ""}}, "LISTEN_FDS: '' is not"},
      {{{"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "a:b"}}, "LISTEN_FDNAMES has 2 names for 1"},
      {{{"LISTEN_FDS", "4000"}}, "is not open"},
      {{{"WATCHDOG_USEC", "soon"}}, "WATCHDOG_USEC: 'soon' is not"},
      {{{"WATCHDOG_USEC", "0"}}, "WATCHDOG_USEC: '0' is not"},
      {{{"WATCHDOG_USEC", "18446744073709551614"}}, "is not a number of microseconds"},
  };
  for (const auto& [variables, words] : cases) {
    clear();
    ::setenv("LISTEN_PID", kOurs.c_str(), 1);
    const auto taken = take(variables);
    ASSERT_FALSE(taken) << words;
    EXPECT_THAT(taken.error(), HasSubstr(words));
  }
}

}  // namespace
}  // namespace onehop::program
