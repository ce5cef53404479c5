// SPDX-License-Identifier: Apache-2.0
#include "program/child_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>

namespace onehop::program {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

ChildProcess shell(const std::string& script, bool has_output = false) {
  auto child = ChildProcess::start({.program = "/bin/sh",
                                    .arguments = {"-c", script},
                                    .environment = {"GREETING=hello"},
                                    .has_output = has_output});
  EXPECT_TRUE(child) << child.error().to_string();
  return std::move(*child);
}

TEST(ChildProcessTest, ReportsHowItEnded) {
  EXPECT_EQ(shell("exit 0").wait(10s), "");
  EXPECT_EQ(shell("exit 3").wait(10s), "exit code 3");
  EXPECT_EQ(shell("kill -9 $$").wait(10s), "signal 9");
  EXPECT_EQ(shell("exec sleep 60").wait(10ms), std::nullopt);
}

TEST(ChildProcessTest, ItsOutputIsRead) {
  ChildProcess child = shell("echo $GREETING; echo error >&2", true);
  std::string text;
  EXPECT_TRUE(child.read_output(text, 10s));
  EXPECT_EQ(text, "hello\nerror\n");
  EXPECT_EQ(child.wait(10s), "");
}

// A child whose pipe is full would wait for ever.
TEST(ChildProcessTest, KeepsTheBeginningOfALargeOutput) {
  ChildProcess child = shell("head -c 1000000 /dev/zero", true);
  std::string text;
  EXPECT_TRUE(child.read_output(text, 10s));
  EXPECT_EQ(text.size(), 64U * 1024);
  EXPECT_EQ(child.wait(10s), "");
}

TEST(ChildProcessTest, ReadingItsOutputTimesOut) {
  for (const char* const script : {"yes", "exec sleep 60"}) {
    std::string text;
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(shell(script, true).read_output(text, 20ms));
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  }
}

TEST(ChildProcessTest, AMissingProgramIsAnError) {
  const auto child = ChildProcess::start({.program = "/nowhere/onehop"});
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().to_string(), HasSubstr("cannot start /nowhere/onehop"));
}

TEST(ChildProcessTest, IsKilledUnlessReleased) {
  pid_t id = -1;
  {
    const ChildProcess child = shell("exec sleep 60");
    id = child.id();
    EXPECT_EQ(::kill(id, 0), 0);
  }
  EXPECT_EQ(::kill(id, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  {
    ChildProcess child = shell("exec sleep 60");
    id = child.id();
    child.let_go();
  }
  EXPECT_EQ(::kill(id, SIGKILL), 0);
}

// Signals blocks these in every thread, and a program that inherited that could not be ended.
TEST(ChildProcessTest, ReceivesTerminationSignals) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  ChildProcess child = shell("kill -15 $$; exit 0");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(child.wait(10s), "signal 15");
}

}  // namespace
}  // namespace onehop::program
