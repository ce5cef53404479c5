// SPDX-License-Identifier: Apache-2.0
#include "observe/address_index.hpp"

#include "base/lasting_texts.hpp"
#include "support/sample_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using test::kStart;

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): of tests

class AddressIndexTest : public ::testing::Test {
 protected:
  static void count(AddressIndex::Worker& worker, std::string_view address, Time at = kStart) {
    AddressShard& shard = worker.of(address, at);
    shard.requests[2].add(1);
    shard.used(at);
  }
  // Returns 0 if the address has no numbers.
  std::uint64_t counted(const std::string& address) const {
    const auto all = index_.totals();
    const auto found = std::ranges::find(all, address, &RequestTotals::Address::address);
    return found == all.end() ? 0 : found->count();
  }
  void fill() {
    for (std::size_t i = 0; i < AddressIndex::kMax; ++i)
      count(one_, "10.0.0.1:" + std::to_string(i));
  }

  AddressIndex index_;
  AddressIndex::Worker one_{index_}, other_{index_};
};

TEST_F(AddressIndexTest, SumsTheWorkers) {
  count(one_, "a:1");
  count(other_, "a:1", kStart + 1s);
  count(other_, "b:1");
  EXPECT_EQ(counted("a:1"), 2U);
  EXPECT_EQ(counted("b:1"), 1U);
  EXPECT_EQ(index_.totals().front().last, kStart + 1s);
}

// Regression: the order of the workers decided which addresses were "other".
TEST_F(AddressIndexTest, TheSameAddressesAreListedForAllWorkers) {
  fill();
  count(other_, "late:1");
  count(other_, "10.0.0.1:7");
  count(one_, "late:1", kStart + AddressIndex::kAskAgain);
  count(one_, "");
  EXPECT_EQ(counted("late:1"), 0U);
  EXPECT_EQ(counted("other"), 2U);
  EXPECT_EQ(counted("10.0.0.1:7"), 2U);
  EXPECT_EQ(counted(""), 1U) << "it needs no place";
  EXPECT_EQ(index_.totals().size(), AddressIndex::kMax + 2);
}

// Regression: unused addresses kept their places, so all new ones were "other".
TEST_F(AddressIndexTest, AnUnusedAddressGivesWay) {
  fill();
  for (std::size_t i = 1; i < AddressIndex::kMax; ++i)
    count(other_, "10.0.0.1:" + std::to_string(i), kStart + 9min);
  count(one_, "new:1", kStart + 10min);
  EXPECT_EQ(counted("new:1"), 1U);
  EXPECT_EQ(counted("10.0.0.1:0"), 0U);
  EXPECT_EQ(counted("10.0.0.1:1"), 2U);
  EXPECT_EQ(counted("other"), 0U);
}

TEST_F(AddressIndexTest, InternedAddressesAreFoundByPointer) {
  const std::string_view a = lasting_addresses.keep("10.9.9.1:80");
  const std::string_view b = lasting_addresses.keep("10.9.9.2:80");
  for (int i = 0; i < 3; ++i)
    count(one_, a);
  count(one_, b);
  count(one_, std::string(b));
  count(one_, "");
  count(one_, a);
  EXPECT_EQ(counted("10.9.9.1:80"), 4U);
  EXPECT_EQ(counted("10.9.9.2:80"), 2U);
  EXPECT_EQ(counted(""), 1U);
  index_.forget("10.9.9.1:80");
  count(one_, a);
  EXPECT_EQ(counted("10.9.9.1:80"), 1U);
}

// Regression: the sums fell. A falling counter looks like a restart, and its rate like a burst.
TEST_F(AddressIndexTest, TheTimesOfAForgottenAddressStayInTheSums) {
  const auto observe = [](AddressIndex::Worker& worker, std::string_view address) {
    worker.of(address, kStart).connect.observe(1ms, Buckets());
    worker.of(address, kStart).wait.observe(2ms, Buckets());
  };
  observe(one_, "a:1");
  observe(one_, "b:1");
  observe(other_, "a:1");
  index_.forget("a:1");
  EXPECT_EQ(index_.connect_times().microseconds, 3'000U);
  EXPECT_EQ(index_.wait_times().count(), 3U);
  observe(one_, "c:1");  // which deletes the forgotten shards
  EXPECT_EQ(index_.connect_times().microseconds, 4'000U);
  EXPECT_EQ(index_.wait_times().microseconds, 8'000U);
  EXPECT_EQ(index_.wait_times().count(), 4U);
  EXPECT_EQ(index_.totals().size(), 2U);
}

TEST_F(AddressIndexTest, AForgottenAddressIsCountedFromZero) {
  count(one_, "a:1");
  count(one_, "a:1");
  count(other_, "a:1");
  index_.forget("a:1");
  EXPECT_EQ(counted("a:1"), 0U);
  count(one_, "a:1");
  EXPECT_EQ(counted("a:1"), 1U);
}

}  // namespace
}  // namespace onehop::observe
