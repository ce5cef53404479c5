// SPDX-License-Identifier: Apache-2.0
#include "server/line_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace onehop::server {
namespace {

constexpr int kPatience = 30'000;  // milliseconds; no test waits that long

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
  // Leaves the end open, since another thread may be in the middle of a write.
  void leave_writer() { ends_[1] = -1; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  // Returns the bytes that arrive first, within `patience` milliseconds.
  std::string read_within(int patience) const {
    pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, patience) <= 0) return {};
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(ends_[0], buffer.data(), buffer.size());
    return std::string(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  // Writes until the pipe is full.
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

TEST(LineWriter, WritesPendingLinesOnDestruction) {
  const Pipe pipe;
  {
    LineWriter writer(pipe.writable(), std::chrono::hours(1));
    writer.add("one\n");
    writer.add("two\n");
  }
  EXPECT_EQ(pipe.read_within(0), "one\ntwo\n");
}

// If finish() waited for the reader, this test would hang.
TEST(LineWriter, FinishDoesNotWaitForAStuckReader) {
  Pipe pipe;
  pipe.fill();
  {
    LineWriter writer(pipe.writable());
    writer.add("nobody reads this\n");
  }
  // The thread is still stuck. It ends when its reader closes.
  pipe.close_reader();
  pipe.leave_writer();
}

TEST(LineWriter, FinishWaitsForAReaderThatMakesProgress) {
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

TEST(LineWriter, DropsLinesRatherThanBlockOnAReader) {
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

TEST(LineWriter, CountsLinesThatCouldNotBeWritten) {
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

// A file at its size limit takes half a line, and has room again later. SIGXFSZ must not end the
// process.
TEST(LineWriter, StartsANewLineAfterAPartialWrite) {
  const std::string name = ::testing::TempDir() + "line_writer_cut";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  const auto size_of_file = [file] { return ::lseek(file, 0, SEEK_END); };
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
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

// SIGPIPE would end the process if it were not blocked.
TEST(LineWriter, SurvivesAClosedReader) {
  Pipe pipe;
  pipe.close_reader();
  LineWriter writer(pipe.writable());
  writer.add("into the void\n");
  writer.finish();
  EXPECT_EQ(writer.lost(), 1U);
  EXPECT_EQ(writer.write_error(), EPIPE);
}

// A place for lines that a test can break and repair.
struct Place {
  std::mutex mutex;
  std::string text;
  int error = 0;
  bool lacks_memory = false;
  std::string reopen_problem;
  int reopened = 0;
};

class TestSink final : public LineSink {
 public:
  explicit TestSink(Place& place) : place_(place) {}
  Written write(std::string_view text, std::size_t /*at_most*/) override {
    const std::scoped_lock lock(place_.mutex);
    if (place_.lacks_memory) throw std::bad_alloc();
    if (place_.error != 0) return {.size = 0, .error = place_.error};
    const std::size_t size = text.find('\n') + 1;
    place_.text += text.substr(0, size);
    return {.size = size, .error = 0};
  }
  void wait_for_room(int milliseconds) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(milliseconds, 1)));
  }
  std::string reopen() override {
    const std::scoped_lock lock(place_.mutex);
    if (place_.lacks_memory) throw std::bad_alloc();
    ++place_.reopened;
    if (!place_.reopen_problem.empty()) return place_.reopen_problem;
    place_.error = 0;
    place_.text += "(new)\n";
    return {};
  }

 private:
  Place& place_;
};

class LineWriterReports : public ::testing::Test {
 protected:
  using Kind = LineReport::Kind;

  void fail_with(int error) {
    const std::scoped_lock lock(place_.mutex);
    place_.error = error;
  }
  void set_lack_of_memory(bool lacks) {
    const std::scoped_lock lock(place_.mutex);
    place_.lacks_memory = lacks;
  }
  LineReport next_report() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::milliseconds(kPatience),
                               [this] { return !reports_.empty(); }));
    if (reports_.empty()) return {.kind = Kind::ended};
    LineReport report = reports_.front();
    reports_.erase(reports_.begin());
    return report;
  }

  Place place_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<LineReport> reports_;
  LineWriter writer_{std::make_unique<TestSink>(place_),
                     {.report = [this](const LineReport& report) {
                       const std::scoped_lock lock(mutex_);
                       reports_.push_back(report);
                       came_.notify_one();
                     }}};
};

TEST_F(LineWriterReports, ReportWhenLinesAreLostAndHowMany) {
  fail_with(ENOSPC);
  writer_.add("one\ntwo\n");
  const LineReport losing = next_report();
  EXPECT_EQ(losing.kind, Kind::losing);
  EXPECT_EQ(losing.error, ENOSPC);
  EXPECT_EQ(writer_.write_error(), ENOSPC);
  fail_with(0);
  writer_.add("three\n");
  const LineReport recovered = next_report();
  EXPECT_EQ(recovered.kind, Kind::recovered);
  EXPECT_EQ(recovered.lines, 2U);
  EXPECT_EQ(recovered.error, ENOSPC);
  EXPECT_EQ(writer_.write_error(), 0);
  writer_.finish();
  EXPECT_TRUE(reports_.empty());
  EXPECT_EQ(place_.text, "three\n");
}

TEST_F(LineWriterReports, ReportUnreportedLossesAtTheEnd) {
  fail_with(EIO);
  writer_.add("one\n");
  EXPECT_EQ(next_report().kind, Kind::losing);
  writer_.finish();
  const LineReport ended = next_report();
  EXPECT_EQ(ended.kind, Kind::ended);
  EXPECT_EQ(ended.lines, 1U);
  EXPECT_EQ(ended.error, EIO);
}

TEST_F(LineWriterReports, AFlappingSinkDoesNotFloodTheLog) {
  for (int i = 0; i < 20; ++i) {
    fail_with(EIO);
    const std::uint64_t before = writer_.lost();
    writer_.add("lost\n");
    while (writer_.lost() == before)
      std::this_thread::yield();
    fail_with(0);
    writer_.add("written\n");
    while (writer_.write_error() != 0)
      std::this_thread::yield();
  }
  writer_.finish();
  EXPECT_LE(reports_.size(), 3U);  // losing, recovered, ended
  EXPECT_EQ(reports_.back().kind, Kind::ended);
  std::uint64_t lines = 0;
  for (const LineReport& report : reports_)
    lines += report.lines;
  EXPECT_EQ(lines, 20U);
}

TEST_F(LineWriterReports, ReopenHappensAfterEarlierLines) {
  writer_.add("before\n");
  writer_.reopen();
  EXPECT_EQ(next_report().kind, Kind::reopened);
  writer_.add("after\n");
  writer_.finish();
  EXPECT_EQ(place_.text, "before\n(new)\nafter\n");
}

TEST_F(LineWriterReports, ReopenWorksWithoutPendingLines) {
  writer_.reopen();
  EXPECT_EQ(next_report().kind, Kind::reopened);
}

TEST_F(LineWriterReports, AFailedReopenKeepsTheOldSink) {
  {
    const std::scoped_lock lock(place_.mutex);
    place_.reopen_problem = "no such folder";
  }
  writer_.reopen();
  const LineReport report = next_report();
  EXPECT_EQ(report.kind, Kind::not_reopened);
  EXPECT_EQ(report.problem, "no such folder");
  writer_.add("still\n");
  writer_.finish();
  EXPECT_EQ(place_.text, "still\n");
}

// Regression: a failed allocation on the writer's thread ended the process.
TEST_F(LineWriterReports, LinesForWhichTheSinkHasNoMemoryAreLost) {
  set_lack_of_memory(true);
  writer_.add("one\n");
  const LineReport losing = next_report();
  EXPECT_EQ(losing.kind, Kind::losing);
  EXPECT_EQ(losing.error, ENOMEM);
  writer_.reopen();
  const LineReport reopening = next_report();
  EXPECT_EQ(reopening.kind, Kind::not_reopened);
  EXPECT_EQ(reopening.problem, "out of memory");
  set_lack_of_memory(false);
  writer_.add("two\n");
  const LineReport recovered = next_report();
  EXPECT_EQ(recovered.kind, Kind::recovered);
  EXPECT_EQ(recovered.lines, 1U);
  EXPECT_EQ(writer_.lost(), 1U);
  writer_.finish();
  EXPECT_EQ(place_.text, "two\n");
}

TEST(LineWriter, SurvivesReportsThatFindNoMemory) {
  Place place;
  place.error = EIO;
  LineWriter writer(std::make_unique<TestSink>(place),
                    {.report = [](const LineReport&) { throw std::bad_alloc(); }});
  writer.add("one\n");
  while (writer.lost() == 0)
    std::this_thread::yield();
  writer.add("two\n");
  writer.finish();
  EXPECT_EQ(writer.lost(), 2U);
}

// The sink behaves as a FIFO whose reader has stopped, and which was then replaced.
TEST_F(LineWriterReports, ReopenUnblocksAStuckWriter) {
  fail_with(EAGAIN);
  writer_.add("one\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  writer_.reopen();
  EXPECT_EQ(next_report().kind, Kind::reopened);
  writer_.finish();
  EXPECT_EQ(place_.text, "(new)\none\n");
  EXPECT_EQ(writer_.lost(), 0U);
}

// Regression: the second call ended the process.
TEST_F(LineWriterReports, FinishReturnsToEveryCallerWhenAllIsWritten) {
  fail_with(EAGAIN);
  writer_.add("one\n");
  const auto finish = [this] {
    writer_.finish();
    const std::scoped_lock lock(place_.mutex);
    EXPECT_EQ(place_.text, "one\n");
  };
  {
    const std::jthread first(finish);
    const std::jthread second(finish);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    fail_with(0);
  }
  EXPECT_EQ(writer_.lost(), 0U);
  EXPECT_TRUE(reports_.empty());
}

}  // namespace
}  // namespace onehop::server
