// SPDX-License-Identifier: Apache-2.0
#include "observe/process_families.hpp"

#include "io/file_descriptor.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>

namespace onehop::observe {
namespace {

TEST(ProcessNumbers, ArePlausible) {
  const ProcessNumbers numbers = read_process_numbers();
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_GT(numbers.start_time.value_or(0), now - 24 * 3600);
  EXPECT_LE(numbers.start_time.value_or(0), now + 1);
  EXPECT_GT(numbers.resident_bytes.value_or(0), 100'000U);
  EXPECT_GE(numbers.threads.value_or(0), 1U);
  const io::FileDescriptor another(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_process_numbers().open_descriptors, numbers.open_descriptors.value_or(0) + 1);
}

// Regression: all numbers were 0, so the process seemed to have started in 1970.
TEST(ProcessNumbers, AreReadWithoutAFreeDescriptor) {
  const ProcessNumbers before = read_process_numbers();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 1, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const ProcessNumbers numbers = read_process_numbers();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(opened, -1);
  EXPECT_EQ(numbers.start_time, before.start_time);
  EXPECT_EQ(numbers.open_descriptors, before.open_descriptors);
  EXPECT_GT(numbers.resident_bytes.value_or(0), 100'000U);
  EXPECT_EQ(numbers.max_descriptors, 1U);
}

TEST(ProcessFamilies, OmitUnknownValues) {
  MetricFamilies families;
  add_process_families(families, {.max_descriptors = 7});
  const std::string text = families.text();
  EXPECT_THAT(text, ::testing::HasSubstr("process_max_fds 7\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("process_open_fds")));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("process_start_time_seconds")));
}

}  // namespace
}  // namespace onehop::observe
