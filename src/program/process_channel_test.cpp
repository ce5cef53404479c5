// SPDX-License-Identifier: Apache-2.0
#include "program/process_channel.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using namespace std::chrono_literals;

struct Ends {
  ProcessChannel one, other;
};
Ends make() {
  auto made = ProcessChannel::make();
  EXPECT_TRUE(made);
  return {std::move(made->first), std::move(made->second)};
}

TEST(ProcessChannelTest, PreservesMessageBoundaries) {
  const Ends ends = make();
  const std::string large(ProcessChannel::kMaxText, 'x');
  ASSERT_TRUE(ends.one.send("a"));
  ASSERT_TRUE(ends.one.send(large));
  EXPECT_EQ(ends.other.receive(1s)->text, "a");
  EXPECT_EQ(ends.other.receive(1s)->text, large);
  EXPECT_FALSE(ends.one.send(large + "x"));
}

TEST(ProcessChannelTest, CarriesDescriptors) {
  const Ends ends = make();
  int pipe_ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const io::FileDescriptor read_end(pipe_ends[0]);
  io::FileDescriptor write_end(pipe_ends[1]);
  const std::vector<int> many(ProcessChannel::kMaxDescriptors, write_end.get());
  ASSERT_TRUE(ends.one.send("x", many));
  const auto message = ends.other.receive(1s);
  ASSERT_TRUE(message);
  ASSERT_EQ(message->descriptors.size(), many.size());
  write_end.reset();
  EXPECT_EQ(::write(message->descriptors.back().get(), "y", 1), 1) << "it is a duplicate";
  EXPECT_NE(::fcntl(message->descriptors.front().get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ProcessChannelTest, ReportsWhyNoMessageArrives) {
  Ends ends = make();
  EXPECT_TRUE(ends.other.receive(1ms).error().is(Errc::timed_out));
  std::thread later([&ends] {
    std::this_thread::sleep_for(20ms);
    (void)ends.one.send("late");
  });
  EXPECT_EQ(ends.other.receive(10s)->text, "late");
  later.join();
  ends.one = ProcessChannel();
  EXPECT_TRUE(ends.other.receive(1s).error().is(Errc::closed));
  EXPECT_TRUE(ends.other.send("x").error().is(Errc::closed));
}

}  // namespace
}  // namespace onehop::program
