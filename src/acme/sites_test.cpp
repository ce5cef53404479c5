// SPDX-License-Identifier: Apache-2.0
//
// Sites over a store in memory, whose reads fail when the test decides.
#include "acme/sites.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MemoryStore final : public CertificateStore {
 public:
  Result<std::optional<std::string>> load(std::string_view name) const override {
    if (on_load) on_load();
    if (is_broken) return failure(Errc::bad_option, Side::local, "memory: Too many open files");
    const auto found = entries.find(name);
    if (found == entries.end()) return std::optional<std::string>();
    return std::optional(found->second);
  }
  Result<void> save(std::string_view name, std::string_view content) override {
    if (on_save) on_save();
    entries[std::string(name)] = content;
    return {};
  }
  Result<void> remove(std::string_view name) override {
    entries.erase(std::string(name));
    return {};
  }
  Result<std::vector<std::string>> list(std::string_view) const override { return {}; }
  std::string stamp(std::string_view name) const override {
    const auto found = entries.find(name);
    return found == entries.end() ? "" : found->second;
  }
  Result<std::unique_ptr<StoreLock>> try_lock() override { return nullptr; }
  std::string place() const override { return "memory"; }

  std::map<std::string, std::string, std::less<>> entries;
  bool is_broken = false;
  std::function<void()> on_load;
  std::function<void()> on_save;
};

class SitesTest : public ::testing::Test {
 protected:
  std::string served() const { return *sites_.get("a.example").pair; }
  bool refresh() { return sites_.refresh(names_, problems_); }

  const WallTime now_ = std::chrono::system_clock::now();
  const NameSet names_{"a.example"};
  const std::string pair_ = *make_placeholder("a.example", now_);
  const std::string other_ = *make_placeholder("a.example", now_);
  const std::string entry_ = Sites::entry_of("a.example");
  MemoryStore store_;
  Sites sites_{store_, [this] { return now_; }};
  std::vector<std::string> problems_;
};

TEST_F(SitesTest, AnUnreadableEntryIsReportedOnceAndRetried) {
  store_.entries[entry_] = pair_;
  ASSERT_TRUE(sites_.add(names_));
  store_.entries[entry_] = other_;
  store_.is_broken = true;
  EXPECT_FALSE(refresh());
  EXPECT_FALSE(refresh());
  EXPECT_THAT(problems_, ElementsAre("memory: Too many open files"));
  EXPECT_EQ(served(), pair_);
  store_.is_broken = false;
  EXPECT_TRUE(refresh());
  EXPECT_EQ(served(), other_);
  EXPECT_FALSE(refresh());
}

TEST_F(SitesTest, AnEntryUnreadableAtTheStartIsRetried) {
  store_.entries[entry_] = pair_;
  store_.is_broken = true;
  ASSERT_TRUE(sites_.add(names_));
  EXPECT_TRUE(sites_.get("a.example").is_placeholder);
  store_.is_broken = false;
  EXPECT_TRUE(refresh());
  EXPECT_EQ(served(), pair_);
}

TEST_F(SitesTest, AnEntryThatCannotBeUsedIsReportedOnce) {
  ASSERT_TRUE(sites_.add(names_));
  store_.entries[entry_] = "nonsense";
  EXPECT_FALSE(refresh());
  EXPECT_FALSE(refresh());
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("a.example.pem: no certificate")));
}

TEST_F(SitesTest, AnUnreadableStateIsRetried) {
  ASSERT_TRUE(sites_.add(names_));
  RenewalState state;
  state.failures = 3;
  store_.entries[Sites::state_entry_of("a.example")] = state.to_json();
  store_.is_broken = true;
  refresh();
  EXPECT_EQ(sites_.get("a.example").state.failures, 0U);
  store_.is_broken = false;
  refresh();
  EXPECT_EQ(sites_.get("a.example").state.failures, 3U);
  EXPECT_THAT(problems_, IsEmpty());
}

// As on a network file system whose server does not respond.
TEST_F(SitesTest, ReadersDoNotWaitForTheStore) {
  ASSERT_TRUE(sites_.add(names_));
  std::vector<std::future<Site>> readers;
  int answered = 0;
  const auto read = [&] {
    readers.push_back(std::async(std::launch::async, [this] { return sites_.get("a.example"); }));
    if (readers.back().wait_for(std::chrono::seconds(5)) == std::future_status::ready) ++answered;
  };
  store_.entries[entry_] = pair_;
  store_.entries[Sites::state_entry_of("a.example")] = RenewalState().to_json();
  store_.on_load = store_.on_save = read;
  EXPECT_TRUE(refresh());
  EXPECT_EQ(answered, 2);  // while the pair was read, and while the state was read
  EXPECT_TRUE(sites_.put("a.example", other_, *facts_of(other_)));
  EXPECT_TRUE(sites_.put("a.example", RenewalState()));
  EXPECT_TRUE(sites_.add({"a.example", "b.example"}));
  EXPECT_EQ(answered, static_cast<int>(readers.size()));
}

}  // namespace
}  // namespace onehop::acme
