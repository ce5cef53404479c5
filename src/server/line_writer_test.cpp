// SPDX-License-Identifier: Apache-2.0
#include "server/line_writer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
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

// SIGPIPE would end the process.
TEST(LineWriter, AReaderThatHasGoneIsNoReasonToEnd) {
  Pipe pipe;
  pipe.close_reader();
  LineWriter writer(pipe.writable());
  writer.add("into the void\n");
}

}  // namespace
}  // namespace onehop::server
