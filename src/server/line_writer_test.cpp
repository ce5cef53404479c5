// SPDX-License-Identifier: Apache-2.0
#include "server/line_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace onehop::server {
namespace {

constexpr int kPatience = 30'000;  // milliseconds; never waited for in full

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    if (ends_[1] >= 0) ::close(ends_[1]);
  }

  int writable() const { return ends_[1]; }
  // Another thread may be in the middle of a write: the end stays open.
  void leave_writer() { ends_[1] = -1; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  // What arrives first within `patience` milliseconds.
  std::string read_within(int patience) const {
    pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, patience) <= 0) return {};
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(ends_[0], buffer.data(), buffer.size());
    return std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  // Until nothing more fits.
  void fill() const {
    const int flags = ::fcntl(ends_[1], F_GETFL);
    ::fcntl(ends_[1], F_SETFL, flags | O_NONBLOCK);
    const std::string block(4096, 'f');
    while (::write(ends_[1], block.data(), block.size()) > 0) {
    }
    ::fcntl(ends_[1], F_SETFL, flags);
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(LineWriter, WritesWhatIsLeftAtTheEnd) {
  const Pipe pipe;
  {
    LineWriter writer(pipe.writable(), std::chrono::hours(1));
    writer.add("one\n");
    writer.add("two\n");
  }
  EXPECT_EQ(pipe.read_within(0), "one\ntwo\n");
}

// A test that hangs is one that fails.
TEST(LineWriter, ItsEndDoesNotWaitForAReaderThatIsStuck) {
  Pipe pipe;
  pipe.fill();
  {
    LineWriter writer(pipe.writable());
    writer.add("nobody reads this\n");
  }
  // The thread is stuck still; it ends with its reader.
  pipe.close_reader();
  pipe.leave_writer();
}

TEST(LineWriter, ItsEndWaitsForAReaderThatGoesOn) {
  const Pipe pipe;
  pipe.fill();
  std::string got;
  std::jthread reader;
  {
    LineWriter writer(pipe.writable());
    writer.add(std::string(200'000, 'x') + "\nlast\n");
    reader = std::jthread([&pipe, &got] {
      for (std::string piece = "."; !piece.empty() && !got.ends_with("\nlast\n"); got += piece)
        piece = pipe.read_within(kPatience);
    });
  }
  reader.join();
  EXPECT_EQ(std::ranges::count(got, 'x'), 200'000);
}

TEST(LineWriter, LosesLinesRatherThanWaitForAReader) {
  Pipe pipe;
  pipe.fill();
  const std::string line = std::string(8191, 'x') + "\n";
  {
    LineWriter writer(pipe.writable());
    for (std::size_t i = 0; i < 2 * LineWriter::kRoom / line.size(); ++i)
      writer.add(line);
    EXPECT_GT(writer.lost(), 0U);
    pipe.close_reader();
  }
}

TEST(LineWriter, CountsWhatCouldNotBeWritten) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LineWriter writer(full);
  writer.add("one\n");
  writer.add("two\nthree\n");
  writer.finish();
  EXPECT_EQ(writer.lost(), 3U);
  EXPECT_EQ(writer.write_error(), ENOSPC);
  writer.add("too late\n");
  EXPECT_EQ(writer.lost(), 4U);
  ::close(full);
}

// A disk that is full takes half a line, and has room again later.
TEST(LineWriter, BeginsANewLineAfterOneThatWasCut) {
  const std::string name = ::testing::TempDir() + "line_writer_cut";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  const auto size_of_file = [file] { return ::lseek(file, 0, SEEK_END); };
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 6;
  ::setrlimit(RLIMIT_FSIZE, &small);
  LineWriter writer(file);
  writer.add("one\ntwo\n");
  while (writer.lost() == 0)
    std::this_thread::yield();
  EXPECT_EQ(size_of_file(), 6);
  ::setrlimit(RLIMIT_FSIZE, &before);
  writer.add("three\n");
  writer.finish();
  std::array<char, 64> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(got)), "one\ntw\nthree\n");
  EXPECT_EQ(writer.lost(), 1U);
  ::close(file);
  ::unlink(name.c_str());
}

// SIGPIPE would end the process.
TEST(LineWriter, AReaderThatHasGoneIsNoReasonToEnd) {
  Pipe pipe;
  pipe.close_reader();
  LineWriter writer(pipe.writable());
  writer.add("into the void\n");
  writer.finish();
  EXPECT_EQ(writer.lost(), 1U);
  EXPECT_EQ(writer.write_error(), EPIPE);
}

}  // namespace
}  // namespace onehop::server
