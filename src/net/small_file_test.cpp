// SPDX-License-Identifier: Apache-2.0
#include "net/small_file.hpp"

#include "base/check.hpp"
#include "io/file_descriptor.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::net {
namespace {

class SmallFile : public ::testing::Test {
 protected:
  SmallFile() {
    std::string name = std::filesystem::temp_directory_path() / "onehop-small-file-XXXXXX";
    ONEHOP_CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    file_ = folder_ / "file";
  }
  ~SmallFile() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& content) const { std::ofstream(file_) << content; }
  static std::string read(const std::string& path, FileKinds kinds = FileKinds::regular) {
    const auto content = read_small_file(path, kinds);
    return content ? *content : "error: " + content.error();
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(SmallFile, IsReadWhole) {
  write("content");
  EXPECT_EQ(read(file_), "content");
  write(std::string(kMaxInSmallFile, 'x'));
  EXPECT_EQ(read(file_), std::string(kMaxInSmallFile, 'x'));
}

TEST_F(SmallFile, ReportsAMissingOrEmptyFile) {
  EXPECT_EQ(read(file_), "error: No such file or directory");
  write("");
  EXPECT_EQ(read(file_), "error: is empty");
}

TEST_F(SmallFile, IsAtMostAMebibyte) {
  write(std::string(kMaxInSmallFile + 1, 'x'));
  EXPECT_EQ(read(file_), "error: is larger than 1 MiB");
  std::filesystem::resize_file(file_, std::uintmax_t{1} << 40U);  // sparse
  EXPECT_EQ(read(file_), "error: is larger than 1 MiB");
}

TEST_F(SmallFile, RejectsFoldersAndDevicesAtOnce) {
  for (const auto kinds : {FileKinds::regular, FileKinds::regular_or_pipe}) {
    EXPECT_EQ(read("/dev/zero", kinds), "error: is a device, not a regular file");
    EXPECT_EQ(read(folder_, kinds), "error: is a folder, not a file");
  }
}

TEST_F(SmallFile, RejectsAPipeAfterStartUpWithoutWaitingForAWriter) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(read(file_), "error: is a pipe, which can be read at start-up only");
}

// As with `--tls <(...)`, the writer is slow and writes in pieces.
TEST_F(SmallFile, ReadsAPipeToItsEndAtStartUp) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const io::FileDescriptor out(ends[0]);
  std::thread writer([in = ends[1]] {
    for (const std::string piece : {"one ", "two ", "three"}) {
      std::this_thread::yield();
      EXPECT_EQ(::write(in, piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
    }
    ::close(in);
  });
  EXPECT_EQ(read("/dev/fd/" + std::to_string(out.get()), FileKinds::regular_or_pipe),
            "one two three");
  writer.join();
}

TEST_F(SmallFile, WaitsForTheWriterOfANamedPipeAtStartUp) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  std::thread writer([this] { write("content"); });
  EXPECT_EQ(read(file_, FileKinds::regular_or_pipe), "content");
  writer.join();
}

// Regression: each piece restarted the timeout, so a megabyte of them could take months.
TEST_F(SmallFile, RejectsAPipeWithASlowWriter) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const io::FileDescriptor out(ends[0]);
  const io::FileDescriptor in(ends[1]);
  std::atomic<bool> over = false;
  std::thread writer([&] {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!over && std::chrono::steady_clock::now() < give_up) {
      EXPECT_EQ(::write(in.get(), "x", 1), 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const bool was_refused = over;
    EXPECT_TRUE(was_refused);
  });
  const auto content = read_small_file("/dev/fd/" + std::to_string(out.get()),
                                       FileKinds::regular_or_pipe, std::chrono::milliseconds(100));
  over = true;
  writer.join();
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error(), "is a pipe whose writer did not finish in time");
}

TEST_F(SmallFile, RejectsAnEndlessPipe) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  std::thread writer([this] {
    const io::FileDescriptor in(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
    const std::string data(64 * 1024, 'x');
    while (::write(in.get(), data.data(), data.size()) > 0) {
    }
  });
  EXPECT_EQ(read(file_, FileKinds::regular_or_pipe), "error: is larger than 1 MiB");
  writer.join();
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace onehop::net
