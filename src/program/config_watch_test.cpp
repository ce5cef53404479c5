// SPDX-License-Identifier: Apache-2.0
#include "program/config_watch.hpp"

#include "config/config_files.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace onehop::program {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class ConfigWatchTest : public ::testing::Test {
 protected:
  static constexpr auto kQuiet = 100ms;

  ConfigWatchTest() {
    folder_ = fs::temp_directory_path() /
              ("onehop-watch-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write("a.toml", "one");
  }
  ~ConfigWatchTest() override { fs::remove_all(folder_); }

  fs::path at(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(at(name)) << text;
  }
  void changed() {
    const std::lock_guard lock(mutex_);
    ++changes_;
    seen_.notify_all();
  }
  std::unique_ptr<ConfigWatch> watch(const std::vector<std::string>& files,
                                     ConfigWatch::Duration quiet = kQuiet,
                                     std::optional<std::size_t> loaded = std::nullopt) {
    return std::make_unique<ConfigWatch>(
        files,
        ConfigWatch::Reports{.changed = [this] { changed(); },
                             .unwatched = [this](const std::string&) { ++complaints_; }},
        loaded, quiet);
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return seen_.wait_for(lock, 20s, [&] { return changes_ >= count; });
  }
  // Reports whether no more than `count` changes are reported within 5 * kQuiet, which is longer
  // than a report takes on a machine that is not too busy.
  bool nothing_follows(int count) {
    std::unique_lock lock(mutex_);
    return !seen_.wait_for(lock, 5 * kQuiet, [&] { return changes_ > count; });
  }

  fs::path folder_;
  std::mutex mutex_;
  std::condition_variable seen_;
  int changes_ = 0;
  std::atomic<int> complaints_ = 0;
};

TEST_F(ConfigWatchTest, SeesAChange) {
  const auto watching = watch({at("a.toml").string()});
  write("a.toml", "two");
  EXPECT_TRUE(wait_for(1));
  write("a.toml", "three");
  EXPECT_TRUE(wait_for(2));
}

TEST_F(ConfigWatchTest, SeesAReplacedFile) {
  const auto watching = watch({at("a.toml").string()});
  write("new", "two");
  fs::rename(at("new"), at("a.toml"));
  EXPECT_TRUE(wait_for(1));
}

TEST_F(ConfigWatchTest, WaitsForAPause) {
  const auto watching = watch({at("a.toml").string()});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    write("a.toml", std::string(static_cast<std::size_t>(i), 'x'));
    std::this_thread::sleep_for(kQuiet / 40);
  }
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_TRUE(wait_for(1));
  // No report follows another within kQuiet, however busy the machine is.
  EXPECT_TRUE(nothing_follows(1 + static_cast<int>(took / kQuiet)));
}

TEST_F(ConfigWatchTest, IgnoresUnchangedContents) {
  const auto watching = watch({at("a.toml").string()});
  write("a.toml", "one");
  write("other", "two");
  fs::last_write_time(at("a.toml"), fs::file_time_type::clock::now());
  EXPECT_TRUE(nothing_follows(0));
}

// Another trigger has read these contents.
TEST_F(ConfigWatchTest, IgnoresKnownContents) {
  const auto watching = watch({at("a.toml").string()});
  write("a.toml", "two");
  config::Findings findings;
  watching->set_known(config::fingerprint_of(
      config::read_config_files_again({.origin = {}, .names = {at("a.toml").string()}}, findings),
      findings));
  EXPECT_TRUE(nothing_follows(0));
  write("a.toml", "three");
  EXPECT_TRUE(wait_for(1));
}

// In a Kubernetes volume, the file is a link through ..data, which is replaced.
TEST_F(ConfigWatchTest, SeesAReplacedLinkToTheDirectory) {
  for (const auto& [version, text] : {std::pair("..1", "one"), std::pair("..2", "two")}) {
    fs::create_directory(at(version));
    std::ofstream(at(version) / "b.toml") << text;
  }
  fs::create_directory_symlink("..1", at("..data"));
  fs::create_symlink("..data/b.toml", at("b.toml"));
  const auto watching = watch({at("b.toml").string()});
  fs::create_directory_symlink("..2", at("..data_tmp"));
  fs::rename(at("..data_tmp"), at("..data"));
  fs::remove_all(at("..1"));
  EXPECT_TRUE(wait_for(1));
  EXPECT_TRUE(nothing_follows(1));
  std::ofstream(at("..2") / "b.toml") << "three";
  EXPECT_TRUE(wait_for(2)) << "the folder that the link leads to is watched as well";
}

TEST_F(ConfigWatchTest, SeesTheFilesOfADirectory) {
  const auto watching = watch({folder_.string()});
  write("b.toml", "two");
  EXPECT_TRUE(wait_for(1));
  fs::remove(at("b.toml"));
  EXPECT_TRUE(wait_for(2));
  write("c.txt", "two");
  EXPECT_TRUE(nothing_follows(2));
}

TEST_F(ConfigWatchTest, SeesARecreatedDirectory) {
  const fs::path below = at("below");
  fs::create_directory(below);
  std::ofstream(below / "a.toml") << "one";
  const auto watching = watch({(below / "a.toml").string()});
  fs::remove_all(below);
  EXPECT_TRUE(wait_for(1)) << "the file is gone";
  fs::create_directory(below);
  std::ofstream(below / "a.toml") << "two";
  EXPECT_TRUE(wait_for(2));
  std::ofstream(below / "a.toml") << "three";
  EXPECT_TRUE(wait_for(3));
}

// For example, a log in the same folder.
TEST_F(ConfigWatchTest, SeesAChangeWhileOtherFilesAreWritten) {
  const auto watching = watch({at("a.toml").string()});
  const std::jthread writer([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      write("log", "x");
      std::this_thread::sleep_for(1ms);
    }
  });
  write("a.toml", "two");
  EXPECT_TRUE(wait_for(1));
  EXPECT_TRUE(nothing_follows(1));
}

TEST_F(ConfigWatchTest, AFileThatChangesConstantlyIsStillLoaded) {
  const auto watching = watch({at("a.toml").string()});
  const std::jthread writer([this](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      write("a.toml", std::to_string(i));
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_TRUE(wait_for(1));
}

TEST_F(ConfigWatchTest, SeesChangesSinceTheLoad) {
  config::Findings findings;
  const std::string name = at("a.toml").string();
  const auto loaded = config::fingerprint_of(
      config::read_config_files({.origin = {}, .names = {name}}, findings), findings);
  {
    const auto unchanged = watch({name}, kQuiet, loaded);
    EXPECT_TRUE(nothing_follows(0));
  }
  write("a.toml", "two");
  const auto watching = watch({name}, kQuiet, loaded);
  EXPECT_TRUE(wait_for(1));
  EXPECT_TRUE(nothing_follows(1));
}

// a.toml leads through far/link to real/a.toml; the link in the middle is replaced.
TEST_F(ConfigWatchTest, SeesAReplacedLinkInThePath) {
  for (const auto& [version, text] : {std::pair("1", "one"), std::pair("2", "two")}) {
    fs::create_directory(at(version));
    std::ofstream(at(version) / "b.toml") << text;
  }
  fs::create_directories(at("far/below"));
  fs::create_directory_symlink("../1", at("far/link"));
  fs::create_directories(at("near/conf.d"));
  fs::create_symlink("../../far/below/../link/./b.toml", at("near/conf.d/b.toml"));
  const auto watching = watch({at("near/conf.d").string()});
  fs::create_directory_symlink("../2", at("far/new"));
  fs::rename(at("far/new"), at("far/link"));
  EXPECT_TRUE(wait_for(1));
  std::ofstream(at("2") / "b.toml") << "three";
  EXPECT_TRUE(wait_for(2));
  EXPECT_EQ(complaints_, 0);
}

TEST_F(ConfigWatchTest, EndsAtOnce) {
  const auto watching = watch({at("a.toml").string(), "/nowhere/at/all.toml"}, 10min);
  EXPECT_EQ(complaints_, 1);
}

}  // namespace
}  // namespace onehop::program
