// SPDX-License-Identifier: Apache-2.0
#include "program/command_door.hpp"

#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

TEST(CommandDoorTest, LetsCommandsThroughUntilItCloses) {
  std::promise<CommandDoor::Result> reload;
  std::binary_semaphore requested{0};
  LogLevel level = LogLevel::info;
  const auto door = std::make_shared<CommandDoor>(CommandDoor::Ways{
      .reload =
          [&] {
            requested.release();
            return reload.get_future().share();
          },
      .upgrade =
          [] {
            std::promise<CommandDoor::Result> upgraded;
            upgraded.set_value({.done = true, .summary = "upgraded"});
            return upgraded.get_future().share();
          },
      .drain = [] { return CommandDoor::Result{.done = true, .summary = "drains"}; },
      .stop = [] { return CommandDoor::Result{.done = true, .summary = "stops"}; },
      .set_log_level =
          [&](LogLevel wanted) {
            level = wanted;
            return CommandDoor::Result{.done = true, .summary = "level"};
          }});
  const observe::Actions actions = CommandDoor::actions(door);
  EXPECT_EQ(actions.upgrade().summary, "upgraded");
  EXPECT_EQ(actions.drain().summary, "drains");
  EXPECT_EQ(actions.stop().summary, "stops");
  EXPECT_TRUE(actions.set_log_level(LogLevel::error).done);
  EXPECT_EQ(level, LogLevel::error);

  // A long reload does not keep the door from closing.
  CommandDoor::Result reloaded;
  std::thread waiting([&] { reloaded = actions.reload(); });
  requested.acquire();
  door->close();
  reload.set_value({.done = true, .summary = "reloaded"});
  waiting.join();
  EXPECT_EQ(reloaded.summary, "reloaded");

  EXPECT_FALSE(actions.reload().done);
  EXPECT_FALSE(actions.upgrade().done);
  EXPECT_FALSE(actions.stop().done);
  EXPECT_FALSE(actions.set_log_level(LogLevel::debug).done);
  EXPECT_EQ(level, LogLevel::error);
}

}  // namespace
}  // namespace onehop::program
