// SPDX-License-Identifier: Apache-2.0
#include "observe/syslog_socket.hpp"

#include "io/file_descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// The socket of a syslog daemon.
class Daemon {
 public:
  explicit Daemon(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    // NOLINTNEXTLINE(*-reinterpret-cast)
    const auto* const general = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), general, sizeof address), 0);
  }
  // Returns the next message; "" if there is none.
  std::string message() const {
    std::string text(200'000, '\0');
    const ssize_t got = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

 private:
  io::FileDescriptor socket_;
};

class SyslogSocketTest : public ::testing::Test {
 protected:
  SyslogSocketTest() {
    std::string name = ::testing::TempDir() + "syslog_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/log";
  }
  ~SyslogSocketTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(SyslogSocketTest, SendsALineAsAMessage) {
  const Daemon daemon(path_);
  SyslogSocket socket(path_);
  EXPECT_EQ(socket.reopen(), "");
  const auto written = socket.write("GET /\nGET /2\n", 1);
  EXPECT_EQ(written.error, 0);
  EXPECT_EQ(written.size, 6U);
  const std::string message = daemon.message();
  EXPECT_THAT(message, ContainsRegex("^<30>[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9]"
                                     "[0-9] onehop\\[[0-9]+\\]: GET /$"));
  EXPECT_THAT(message, HasSubstr("[" + std::to_string(::getpid()) + "]"));
  EXPECT_EQ(daemon.message(), "");
}

TEST_F(SyslogSocketTest, ReconnectsToARestartedDaemon) {
  SyslogSocket socket(path_);
  {
    const Daemon daemon(path_);
    EXPECT_EQ(socket.reopen(), "");
  }
  EXPECT_EQ(socket.write("lost\n", 1).error, ECONNREFUSED);
  ::unlink(path_.c_str());
  EXPECT_EQ(socket.write("lost\n", 1).error, ENOENT);
  const Daemon daemon(path_);
  EXPECT_EQ(socket.write("one\n", 1).size, 4U);
  EXPECT_THAT(daemon.message(), HasSubstr("]: one"));
}

TEST_F(SyslogSocketTest, DoesNotWaitForADaemonThatReadsNothing) {
  const Daemon daemon(path_);
  SyslogSocket socket(path_);
  EXPECT_EQ(socket.reopen(), "");
  int error = 0;
  for (int i = 0; error == 0 && i < 100'000; ++i)
    error = socket.write("line\n", 1).error;
  EXPECT_EQ(error, EAGAIN);
  EXPECT_NE(daemon.message(), "");
  EXPECT_EQ(socket.write("line\n", 1).error, 0);
}

TEST_F(SyslogSocketTest, TruncatesALineLongerThanAMessage) {
  const Daemon daemon(path_);
  SyslogSocket socket(path_);
  EXPECT_EQ(socket.reopen(), "");
  const std::string line = std::string(300'000, 'x') + "\n";
  EXPECT_EQ(socket.write(line, 1).size, line.size());
  EXPECT_EQ(daemon.message().size(), SyslogSocket::kLongestMessage);
}

TEST_F(SyslogSocketTest, ReportsWhichSocketIsMissing) {
  EXPECT_EQ(SyslogSocket(path_).reopen(),
            "the syslog socket " + path_ + ": No such file or directory");
  EXPECT_THAT(SyslogSocket("/" + std::string(200, 'x')).reopen(), HasSubstr("too long"));
}

}  // namespace
}  // namespace onehop::observe
