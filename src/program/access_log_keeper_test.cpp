// SPDX-License-Identifier: Apache-2.0
#include "program/access_log_keeper.hpp"

#include "io/file_descriptor.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

config::Configuration logging_to(const fs::path& file) {
  config::Configuration configuration;
  configuration.access_log = observe::AccessLogFormat::text;
  configuration.access_log_to = {.kind = observe::LogDestination::Kind::file,
                                 .path = file.string()};
  return configuration;
}

bool appears(const fs::path& file) {
  for (int i = 0; i < 1000 && !fs::exists(file); ++i)
    std::this_thread::sleep_for(10ms);
  return fs::exists(file);
}

class AccessLogKeeperTest : public ::testing::Test {
 protected:
  AccessLogKeeperTest() { fs::create_directories(folder_); }
  ~AccessLogKeeperTest() override {
    keeper_.finish();
    fs::remove_all(folder_);
  }

  void use(const fs::path& file) {
    auto prepared = keeper_.prepare(logging_to(file));
    ASSERT_TRUE(prepared);
    keeper_.commit(std::move(*prepared));
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("onehop-access-logs-" + std::to_string(::getpid()));
  observe::Log log_{false};
  AccessLogKeeper keeper_{log_};
};

TEST_F(AccessLogKeeperTest, ReopensTheLogOfRequestsThatBeganBeforeTheReload) {
  const fs::path before = folder_ / "before.log";
  const fs::path now = folder_ / "now.log";
  use(before);
  const auto in_progress = keeper_.get();
  use(now);
  fs::rename(before, folder_ / "before.log.1");
  fs::rename(now, folder_ / "now.log.1");
  keeper_.reopen();
  EXPECT_TRUE(appears(before));
  EXPECT_TRUE(appears(now));
}

// Regression: each rotation created the file of a replaced log again.
TEST_F(AccessLogKeeperTest, DoesNotReopenTheFileOfAnUnusedLog) {
  const fs::path before = folder_ / "before.log";
  const fs::path now = folder_ / "now.log";
  use(before);
  ASSERT_TRUE(appears(before));
  use(now);
  fs::rename(before, folder_ / "before.log.1");
  fs::rename(now, folder_ / "now.log.1");
  keeper_.reopen();
  EXPECT_TRUE(appears(now));
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(fs::exists(before));
}

TEST_F(AccessLogKeeperTest, CountsLinesLostAtTheEndOfAReplacedLog) {
  use("/dev/full");
  keeper_.get()->record(ExchangeRecord());
  use(folder_ / "second.log");
  use(folder_ / "third.log");
  EXPECT_EQ(keeper_.lost(), 1U);
  use(folder_ / "fourth.log");
  EXPECT_EQ(keeper_.lost(), 1U);
}

// Regression: a stop during a reload ended the process when the reader of a replaced log was stuck.
TEST_F(AccessLogKeeperTest, MayFinishWhileAReloadEndsAReplacedLog) {
  const fs::path fifo = folder_ / "before.fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const io::FileDescriptor reader(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 4096> block{};
  while (::write(reader.get(), block.data(), block.size()) > 0) {
  }
  std::string text;
  const auto read_all = [&] {
    for (ssize_t got = 0; (got = ::read(reader.get(), block.data(), block.size())) > 0;)
      text.append(block.data(), static_cast<std::size_t>(got));
  };
  use(fifo);
  keeper_.get()->record(ExchangeRecord());
  use(folder_ / "second.log");
  {
    const std::jthread reload([this] { use(folder_ / "third.log"); });
    const std::jthread stop([this] { keeper_.finish(); });
    std::this_thread::sleep_for(50ms);
    read_all();
  }
  read_all();
  EXPECT_TRUE(text.ends_with('\n')) << "the line was written";
  EXPECT_EQ(keeper_.lost(), 0U);
}

}  // namespace
}  // namespace onehop::program
