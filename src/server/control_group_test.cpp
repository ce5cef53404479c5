// SPDX-License-Identifier: Apache-2.0
#include "server/control_group.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <sched.h>
#include <unistd.h>

namespace onehop::server {
namespace {

constexpr std::size_t kUnlimited = ControlGroup::kUnlimited;

class ControlGroupTest : public ::testing::Test {
 protected:
  ~ControlGroupTest() override { std::filesystem::remove_all(root_); }
  void say(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root_ + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  std::size_t memory(const char* membership) const {
    return ControlGroup(root_, membership).memory();
  }
  std::size_t cpus(const char* membership) const { return ControlGroup(root_, membership).cpus(); }

  const std::string root_ =
      ::testing::TempDir() + "onehop_control_groups_" + std::to_string(::getpid());
};

TEST_F(ControlGroupTest, TheLowestMemoryLimitOfAllLevelsApplies) {
  say("/a.slice/b.service/memory.max", "max");
  EXPECT_EQ(memory("0::/a.slice/b.service\n"), kUnlimited);
  say("/a.slice/memory.max", "9000");
  EXPECT_EQ(memory("0::/a.slice/b.service\n"), 9000u);
  say("/a.slice/b.service/memory.high", "7000");
  EXPECT_EQ(memory("0::/a.slice/b.service\n"), 7000u);
  say("/memory.max", "5000");  // the limit of a container, seen from inside
  EXPECT_EQ(memory("0::/a.slice/b.service\n"), 5000u);
  EXPECT_EQ(memory("0::/\n"), 5000u);
  EXPECT_EQ(memory("1:name=systemd:/x\n0::/\n"), 5000u);
}

TEST_F(ControlGroupTest, ReadsMemoryLimitsOfVersionOne) {
  say("/memory/docker/1/memory.limit_in_bytes", "6000");
  say("/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(memory("9:memory:/docker/1\n"), 6000u);
  EXPECT_EQ(memory("9:memory:/docker/2\n"), 9223372036854771712u);
}

TEST_F(ControlGroupTest, NothingIsLimitedWithoutAGroup) {
  for (const char* const membership :
       {"", "\n", "0:", "0::", "::::", "4:memory:/docker/1\n", "0::/no/such/group", "4:cpu:/x"}) {
    EXPECT_EQ(memory(membership), kUnlimited) << membership;
    EXPECT_EQ(cpus(membership), kUnlimited) << membership;
  }
}

TEST_F(ControlGroupTest, TheLowestCpuQuotaOfAllLevelsAppliesRoundedUp) {
  say("/a.slice/b.service/cpu.max", "max 100000");
  EXPECT_EQ(cpus("0::/a.slice/b.service\n"), kUnlimited);
  say("/a.slice/cpu.max", "400000 100000");
  EXPECT_EQ(cpus("0::/a.slice/b.service\n"), 4u);
  say("/a.slice/b.service/cpu.max", "250000 100000");
  EXPECT_EQ(cpus("0::/a.slice/b.service\n"), 3u);
  say("/cpu.max", "100000 50000");  // the limit of a container, seen from inside
  EXPECT_EQ(cpus("0::/a.slice/b.service\n"), 2u);
  EXPECT_EQ(cpus("0::/\n"), 2u);
}

TEST_F(ControlGroupTest, ATinyQuotaIsOneCpu) {
  for (const char* const quota : {"1000 100000", "0 100000", "1 1000000", "100000 100000"}) {
    say("/cpu.max", quota);
    EXPECT_EQ(cpus("0::/\n"), 1u) << quota;
  }
}

TEST_F(ControlGroupTest, IgnoresAnInvalidQuota) {
  for (const char* const quota : {"", "max", "100000", "100000 0", "-1 100000 x", "a b"}) {
    say("/cpu.max", quota);
    EXPECT_EQ(cpus("0::/\n"), kUnlimited) << quota;
  }
}

TEST_F(ControlGroupTest, VersionOneHasTwoFilesAndItsOwnMount) {
  say("/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "150000");
  say("/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000");
  say("/cpu,cpuacct/cpu.cfs_quota_us", "-1");
  say("/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cpus("11:memory:/m\n4:cpu,cpuacct:/docker/1\n1:cpuset:/c\n"), 2u);
  EXPECT_EQ(cpus("4:cpu,cpuacct:/docker/2\n"), kUnlimited);
}

TEST(UsableCpus, AreAtLeastOneAndNoMoreThanTheProcessMayUse) {
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_GE(usable_cpus(), 1u);
  EXPECT_LE(usable_cpus(), static_cast<std::size_t>(CPU_COUNT(&set)));
}

}  // namespace
}  // namespace onehop::server
