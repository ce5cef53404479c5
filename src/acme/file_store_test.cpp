// SPDX-License-Identifier: Apache-2.0
#include "acme/file_store.hpp"

#include "support/full_disk.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace onehop::acme {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileStoreTest : public ::testing::Test {
 protected:
  FileStoreTest() {
    std::string name = (fs::temp_directory_path() / "onehop-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    folder_ = name;
  }
  ~FileStoreTest() override { fs::remove_all(folder_); }

  std::unique_ptr<FileStore> open() {
    auto store = FileStore::open(folder_ + "/acme");
    EXPECT_TRUE(store);
    return std::move(*store);
  }

  std::string folder_;
};

mode_t mode_of(const std::string& path) {
  struct stat file{};
  return ::stat(path.c_str(), &file) == 0 ? file.st_mode & 0777U : 0;
}

uid_t owner_of(const std::string& path) {
  struct stat file{};
  return ::stat(path.c_str(), &file) == 0 ? file.st_uid : static_cast<uid_t>(-1);
}

// Returns the account that a root process switches to, or without root this process's own.
FileStore::Owner other_user() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return {.user = ::geteuid(), .group = ::getegid()};
  return {.user = kNobody, .group = kNobody};
}

TEST_F(FileStoreTest, KeepsEntriesReadableOnlyByTheirOwner) {
  const auto store = open();
  EXPECT_EQ(*store->load("certificates/a.pem"), std::nullopt);
  EXPECT_EQ(store->stamp("certificates/a.pem"), "");
  ASSERT_TRUE(store->save("certificates/a.pem", "first"));
  const std::string stamp = store->stamp("certificates/a.pem");
  ASSERT_TRUE(store->save("certificates/a.pem", "other"));
  EXPECT_EQ(*store->load("certificates/a.pem"), "other");
  EXPECT_NE(store->stamp("certificates/a.pem"), stamp);
  EXPECT_EQ(mode_of(folder_ + "/acme/certificates/a.pem"), 0600U);
  EXPECT_EQ(mode_of(folder_ + "/acme/certificates"), 0700U);
  EXPECT_THAT(*store->list("certificates"), ElementsAre("a.pem"));
  EXPECT_TRUE(store->remove("certificates/a.pem"));
  EXPECT_TRUE(store->remove("certificates/a.pem"));
  EXPECT_THAT(*store->list("certificates"), ElementsAre());
}

TEST_F(FileStoreTest, TwoObjectsSeeTheSameEntries) {
  const auto store = open();
  const auto other = open();
  ASSERT_TRUE(store->save("account.pem", "key"));
  EXPECT_EQ(*other->load("account.pem"), "key");
  EXPECT_EQ(other->stamp("account.pem"), store->stamp("account.pem"));
}

TEST_F(FileStoreTest, RemovesTheProbeOfAKilledStart) {
  const auto store = open();
  ASSERT_TRUE(store->save("requests/probe-0123456789abcdef", ""));
  ASSERT_TRUE(store->save("requests/renew-probe-1.example", ""));
  ASSERT_TRUE(store->save("certificates/probe-1.example.pem", ""));
  open();
  EXPECT_THAT(*store->list("requests"), ElementsAre("renew-probe-1.example"));
  EXPECT_THAT(*store->list("certificates"), ElementsAre("probe-1.example.pem"));
}

TEST_F(FileStoreTest, ADirectoryThatCannotBeCreatedIsAnError) {
  std::ofstream(folder_ + "/acme") << "a file\n";
  const auto store = FileStore::open(folder_ + "/acme");
  ASSERT_FALSE(store);
  EXPECT_TRUE(store.error().is(Errc::bad_option));
  EXPECT_THAT(store.error().detail(), HasSubstr(folder_ + "/acme"));
}

TEST_F(FileStoreTest, ALinkInTheStoreOfAnotherUserIsRefused) {
  const FileStore::Owner owner = other_user();
  ASSERT_TRUE(FileStore::open(folder_ + "/acme", owner));
  fs::create_directory(folder_ + "/elsewhere");
  std::ofstream(folder_ + "/elsewhere/secret") << "of root\n";
  for (const std::string place : {"/acme/certificates", "/acme/requests", "/acme"}) {
    fs::rename(folder_ + place, folder_ + "/moved");
    fs::create_directory_symlink(folder_ + "/elsewhere", folder_ + place);
    const auto store = FileStore::open(folder_ + "/acme", owner);
    ASSERT_FALSE(store) << place;
    EXPECT_THAT(store.error().detail(), HasSubstr(folder_ + place + ": it must be a folder"));
    EXPECT_EQ(owner_of(folder_ + "/elsewhere/secret"), ::geteuid());
    fs::remove(folder_ + place);
    fs::rename(folder_ + "/moved", folder_ + place);
  }
}

TEST_F(FileStoreTest, AStoreThatBelongsToTheProcessMayHaveLinks) {
  fs::create_directory(folder_ + "/elsewhere");
  fs::create_directory_symlink(folder_ + "/elsewhere", folder_ + "/acme");
  ASSERT_TRUE(open()->save("certificates/a.pem", "a"));
  EXPECT_TRUE(fs::exists(folder_ + "/elsewhere/certificates/a.pem"));
}

TEST_F(FileStoreTest, TheLockOfAnotherUsersStoreIsNoLink) {
  const auto store = FileStore::open(folder_ + "/acme", other_user());
  ASSERT_TRUE(store);
  fs::create_symlink(folder_ + "/elsewhere", folder_ + "/acme/lock");
  EXPECT_FALSE((*store)->try_lock());
  EXPECT_FALSE(fs::exists(folder_ + "/elsewhere"));
}

TEST_F(FileStoreTest, RootGivesOnlyFilesWithOneNameToTheUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::ofstream(folder_ + "/elsewhere") << "of root\n";
  ASSERT_TRUE(open()->save("certificates/a.pem", "a"));
  fs::create_hard_link(folder_ + "/elsewhere", folder_ + "/acme/certificates/b.pem");
  fs::create_symlink(folder_ + "/elsewhere", folder_ + "/acme/certificates/c.pem");
  const FileStore::Owner owner = other_user();
  ASSERT_TRUE(FileStore::open(folder_ + "/acme", owner));
  EXPECT_EQ(owner_of(folder_ + "/acme"), owner.user);
  EXPECT_EQ(owner_of(folder_ + "/acme/certificates"), owner.user);
  EXPECT_EQ(owner_of(folder_ + "/acme/certificates/a.pem"), owner.user);
  EXPECT_EQ(owner_of(folder_ + "/elsewhere"), 0U);
}

// A write fails halfway.
TEST_F(FileStoreTest, AFullDiskKeepsTheOldEntry) {
  const auto store = open();
  ASSERT_TRUE(store->save("certificates/a.pem", "old"));
  {
    const FullDisk full(10);
    EXPECT_FALSE(store->save("certificates/a.pem", "a new one that does not fit"));
  }
  EXPECT_EQ(*store->load("certificates/a.pem"), "old");
  for (const auto& entry : fs::directory_iterator(folder_ + "/acme/certificates"))
    EXPECT_EQ(entry.path().filename(), "a.pem");
}

// A writer is killed again and again; at every moment the entry is one of the two texts.
TEST_F(FileStoreTest, AKilledWriterLeavesACompleteEntry) {
  const std::string first(300'000, 'a');  // more than the kernel writes at once
  const std::string second(400'000, 'b');
  ASSERT_TRUE(open()->save("certificates/a.pem", first));
  bool is_whole = true;
  for (int round = 0; round < 10; ++round) {
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      const auto store = FileStore::view(folder_ + "/acme");
      for (;;) {
        (void)store->save("certificates/a.pem", first);
        (void)store->save("certificates/a.pem", second);
      }
    }
    const auto store = FileStore::view(folder_ + "/acme");
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    while (std::chrono::steady_clock::now() < end) {
      const auto entry = store->load("certificates/a.pem");
      is_whole = is_whole && entry && *entry && (**entry == first || **entry == second);
    }
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    const auto entry = open()->load("certificates/a.pem");
    is_whole = is_whole && entry && *entry && (**entry == first || **entry == second);
  }
  EXPECT_TRUE(is_whole);
}

TEST_F(FileStoreTest, OnlyOneHolderHasTheLock) {
  const auto store = open();
  const auto other = open();
  auto lock = store->try_lock();
  ASSERT_TRUE(lock && *lock);
  EXPECT_EQ((*lock)->renew(), true);
  const auto refused = other->try_lock();
  ASSERT_TRUE(refused);
  EXPECT_EQ(*refused, nullptr);
  lock->reset();
  const auto next = other->try_lock();
  ASSERT_TRUE(next);
  EXPECT_NE(*next, nullptr);
}

TEST_F(FileStoreTest, TheLockOfAKilledProcessIsFree) {
  open();
  const pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    const auto store = FileStore::view(folder_ + "/acme");
    const auto lock = store->try_lock();
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(holder, nullptr, 0);
  const auto lock = open()->try_lock();
  ASSERT_TRUE(lock);
  EXPECT_NE(*lock, nullptr);
}

// If the file system does not share the kernel's lock with another machine.
TEST_F(FileStoreTest, AHolderOnAnotherMachineIsPresumedAlive) {
  const auto store = open();
  std::ofstream(folder_ + "/acme/lock") << "another.machine 0123456789abcdef 7\n";
  const auto lock = store->try_lock();
  ASSERT_TRUE(lock);
  EXPECT_EQ(*lock, nullptr);
}

TEST_F(FileStoreTest, TheLockIsLostWhenAnotherProcessTakesIt) {
  const auto store = open();
  auto lock = store->try_lock();
  ASSERT_TRUE(lock && *lock);
  EXPECT_EQ((*lock)->renew(), true);
  std::ofstream(folder_ + "/acme/lock") << "another.machine 0123456789abcdef 1\n";
  EXPECT_EQ((*lock)->renew(), false);
  lock->reset();  // and does not release the other holder's lock
  std::ifstream file(folder_ + "/acme/lock");
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "another.machine 0123456789abcdef 1");
}

TEST_F(FileStoreTest, ALockThatCannotBeWrittenIsAnErrorAndNotLost) {
  const auto store = open();
  const auto lock = store->try_lock();
  ASSERT_TRUE(lock && *lock);
  {
    const FullDisk full(0);
    const auto renewed = (*lock)->renew();
    ASSERT_FALSE(renewed);
    EXPECT_THAT(renewed.error().detail(), HasSubstr("/acme/lock: it cannot be written: "));
  }
  EXPECT_EQ((*lock)->renew(), true);
}

TEST_F(FileStoreTest, TheLockIsLostWithItsFile) {
  const auto store = open();
  const auto lock = store->try_lock();
  ASSERT_TRUE(lock && *lock);
  fs::remove(folder_ + "/acme/lock");
  EXPECT_EQ((*lock)->renew(), false);
}

}  // namespace
}  // namespace onehop::acme
