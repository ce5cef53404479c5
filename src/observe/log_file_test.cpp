// SPDX-License-Identifier: Apache-2.0
#include "observe/log_file.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    std::string name = ::testing::TempDir() + "log_file_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    before_ = ::umask(022);
  }
  ~LogFileTest() override {
    ::umask(before_);
    std::filesystem::remove_all(folder_);
  }

  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  std::string content(std::string_view name) const {
    std::ifstream file(path(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static void write(LogFile& file, std::string_view text) {
    const auto written = file.write(text, text.size());
    EXPECT_EQ(written.error, 0);
    EXPECT_EQ(written.size, text.size());
  }

  std::string folder_;
  mode_t before_ = 0;
};

// Regression: the error was ENXIO for any reason.
TEST_F(LogFileTest, AWriteReportsWhyTheFileCannotBeOpened) {
  LogFile file(path("none/a.log"));
  const auto written = file.write("x\n", 2);
  EXPECT_EQ(written.size, 0U);
  EXPECT_EQ(written.error, ENOENT);
}

TEST_F(LogFileTest, ANewFileIsReadableByItsOwnerAndGroup) {
  LogFile file(path("a.log"));
  EXPECT_EQ(file.reopen(), "");
  struct stat facts{};
  ASSERT_EQ(::stat(path("a.log").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
}

TEST_F(LogFileTest, AnOldFileKeepsItsLinesAndMode) {
  std::ofstream(path("a.log")) << "old\n";
  ASSERT_EQ(::chmod(path("a.log").c_str(), 0600), 0);
  LogFile file(path("a.log"));
  EXPECT_EQ(file.reopen(), "");
  write(file, "new\n");
  EXPECT_EQ(content("a.log"), "old\nnew\n");
  struct stat facts{};
  ASSERT_EQ(::stat(path("a.log").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(LogFileTest, ReopensAFileThatWasRenamed) {
  LogFile file(path("a.log"));
  EXPECT_EQ(file.reopen(), "");
  write(file, "one\n");
  std::filesystem::rename(path("a.log"), path("a.log.1"));
  write(file, "two\n");
  EXPECT_EQ(file.reopen(), "");
  write(file, "three\n");
  EXPECT_EQ(content("a.log.1"), "one\ntwo\n");
  EXPECT_EQ(content("a.log"), "three\n");
}

TEST_F(LogFileTest, WritesToTheEndOfATruncatedFile) {
  LogFile file(path("a.log"));
  EXPECT_EQ(file.reopen(), "");
  write(file, "one\n");
  std::filesystem::resize_file(path("a.log"), 0);
  write(file, "two\n");
  EXPECT_EQ(content("a.log"), "two\n");
}

TEST_F(LogFileTest, NamesTheMissingDirectory) {
  LogFile file(path("no/such/a.log"));
  EXPECT_EQ(file.reopen(),
            path("no/such/a.log") + ": the directory " + path("no") + " does not exist");
}

TEST_F(LogFileTest, KeepsTheOldFileIfANewOneCannotBeMade) {
  std::filesystem::create_directory(path("sub"));
  LogFile file(path("sub/a.log"));
  EXPECT_EQ(file.reopen(), "");
  std::filesystem::rename(path("sub"), path("moved"));
  EXPECT_THAT(file.reopen(), EndsWith(" does not exist"));
  write(file, "kept\n");
  EXPECT_EQ(content("moved/a.log"), "kept\n");
}

TEST_F(LogFileTest, RefusesADirectoryAndASocket) {
  EXPECT_THAT(LogFile(folder_).reopen(), HasSubstr("Is a directory"));
}

TEST_F(LogFileTest, FollowsALinkOnlyWithoutALaterAccount) {
  std::filesystem::create_symlink(path("target.log"), path("a.log"));
  LogFile file(path("a.log"));
  EXPECT_EQ(file.reopen(), "");
  write(file, "one\n");
  EXPECT_EQ(content("target.log"), "one\n");
  LogFile careful(path("a.log"), FileOwner{.user = ::getuid(), .group = ::getgid()});
  EXPECT_THAT(careful.reopen(), HasSubstr("is a symbolic link"));
}

TEST_F(LogFileTest, ANewFileBelongsToTheLaterAccount) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  LogFile file(path("a.log"), FileOwner{.user = 54321, .group = 54322});
  EXPECT_EQ(file.reopen(), "");
  struct stat facts{};
  ASSERT_EQ(::stat(path("a.log").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, 54321U);
  EXPECT_EQ(facts.st_gid, 54322U);
}

// Without O_NONBLOCK, open(2) of a FIFO waits for a reader, and so does write(2).
TEST_F(LogFileTest, AFifoNeedsNoReaderAtFirst) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  LogFile file(path("fifo"));
  EXPECT_EQ(file.reopen(), "");
  EXPECT_EQ(file.write("lost\n", 5).error, ENXIO);
  {
    const io::FileDescriptor reader(
        ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    write(file, "read\n");
    char got[16] = {};
    EXPECT_EQ(::read(reader.get(), got, sizeof got), 5);
    EXPECT_STREQ(got, "read\n");
    const std::string page(4096, 'x');
    int error = 0;
    while (error == 0)
      error = file.write(page, page.size()).error;
    EXPECT_EQ(error, EAGAIN);
  }
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(file.write("lost\n", 5).error, EPIPE);
  EXPECT_EQ(file.write("lost\n", 5).error, ENXIO);
}

}  // namespace
}  // namespace onehop::observe
