// SPDX-License-Identifier: Apache-2.0
#include "program/command_line.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Parsed<Configuration> parse(std::vector<std::string> arguments,
                            const std::map<std::string, std::string>& variables = {}) {
  return parse_command_line(std::move(arguments), [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(std::vector<std::string> arguments,
                    const std::map<std::string, std::string>& variables = {}) {
  const auto configuration = parse(std::move(arguments), variables);
  return configuration ? "accepted" : configuration.error();
}

TEST(CommandLine, ABackendIsEnough) {
  const auto configuration = parse({"http://localhost:8000"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->command, Command::proxy);
  EXPECT_EQ(configuration->backend.authority(), "localhost:8000");
  EXPECT_THAT(configuration->listen, ElementsAre(":80"));
  EXPECT_EQ(configuration->transport.response_timeout, std::chrono::minutes(5));
  EXPECT_EQ(configuration->drain_timeout, std::chrono::seconds(30));
}

TEST(CommandLine, ReadsEverydayFlags) {
  const auto configuration =
      parse({"-l", ":8080", "--listen=unix:/tmp/x.sock", "-l127.0.0.1:1", "--header-up", "-Cookie",
             "--header-up", "X-Env: test", "--trust", "10.0.0.0/8", "--access-log", "json", "-v",
             "--host-header", "backend", "8000"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->listen, ElementsAre(":8080", "unix:/tmp/x.sock", "127.0.0.1:1"));
  ASSERT_EQ(configuration->header_up.size(), 2U);
  EXPECT_TRUE(configuration->header_up[0].removes);
  EXPECT_EQ(configuration->header_up[1].value, "test");
  EXPECT_THAT(configuration->trust, ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(configuration->access_log, AccessLogFormat::json);
  EXPECT_EQ(configuration->host_header, "backend");
  EXPECT_TRUE(configuration->verbose);
}

TEST(CommandLine, ReadsLimitsAndTimeouts) {
  const auto configuration = parse({"8000",  "--max-body",
                                    "10MiB", "--response-timeout",
                                    "off",   "--retry-budget",
                                    "50%",   "--pool-size",
                                    "0",     "--max-connections",
                                    "32",    "--header-timeout",
                                    "2s",    "--hold",
                                    "10s",   "--workers",
                                    "3",     "--expect-continue-timeout",
                                    "250ms", "--max-informational",
                                    "5",     "--defer-accept",
                                    "off"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->server.max_body, 10U << 20U);
  EXPECT_EQ(configuration->transport.response_timeout, Transport::kOff);
  EXPECT_DOUBLE_EQ(configuration->transport.retry_budget, 0.5);
  EXPECT_EQ(configuration->transport.pool_size, 0U);
  EXPECT_EQ(configuration->transport.max_connections, 32U);
  EXPECT_EQ(configuration->server.header_timeout, std::chrono::seconds(2));
  EXPECT_EQ(configuration->transport.hold, std::chrono::seconds(10));
  EXPECT_EQ(configuration->server.workers, 3U);
  EXPECT_EQ(configuration->transport.expect_continue_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(configuration->transport.max_informational, 5U);
  EXPECT_FALSE(configuration->server.defer_accept);
}

TEST(CommandLine, OffLiftsALimitWhereThatIsSafe) {
  const auto configuration =
      parse({"8000", "--max-body", "off", "--max-connections", "off", "--retry-budget", "off",
             "--replay-body", "off", "--activity-timeout", "off", "--hold", "off"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->server.max_body, Server::kUnlimited);
  EXPECT_EQ(configuration->transport.max_connections, 0U);
  EXPECT_DOUBLE_EQ(configuration->transport.retry_budget, 1.0);
  EXPECT_EQ(configuration->transport.replay_body, 0U);
  EXPECT_EQ(configuration->transport.activity_timeout, Transport::kOff);
  EXPECT_EQ(configuration->transport.hold, std::chrono::seconds(0));
  EXPECT_THAT(refusal({"8000", "--header-timeout", "off"}), HasSubstr("cannot be off"));
}

TEST(CommandLine, EverySettingCanComeFromTheEnvironmentAndTheFlagWins) {
  const std::map<std::string, std::string> variables = {
      {"ONEHOP_LISTEN", ":81,:82"},     {"ONEHOP_HEADER_UP", "A: 1, 2\n-B"},
      {"ONEHOP_CONNECT_TIMEOUT", "7s"}, {"ONEHOP_IDLE_TIMEOUT", "9s"},
      {"ONEHOP_VERBOSE", "yes"},
  };
  const auto configuration = parse({"--idle-timeout", "8s", "8000"}, variables);
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->listen, ElementsAre(":81", ":82"));
  ASSERT_EQ(configuration->header_up.size(), 2U);
  EXPECT_EQ(configuration->header_up[0].value, "1, 2");
  EXPECT_EQ(configuration->transport.connect_timeout, std::chrono::seconds(7));
  EXPECT_EQ(configuration->server.idle_timeout, std::chrono::seconds(8));
  EXPECT_TRUE(configuration->verbose);
}

TEST(CommandLine, SaysWhereABadValueCameFrom) {
  EXPECT_EQ(refusal({"8000", "--idle-timeout", "75"}),
            "--idle-timeout: '75' has no unit: did you mean 75s?");
  EXPECT_EQ(refusal({"8000"}, {{"ONEHOP_IDLE_TIMEOUT", "75"}}),
            "ONEHOP_IDLE_TIMEOUT: '75' has no unit: did you mean 75s?");
  EXPECT_THAT(refusal({"8000", "--listen", "nonsense"}), HasSubstr("--listen: "));
  EXPECT_THAT(refusal({"8000", "--trust", "10.0.0.0/99"}), HasSubstr("is no network"));
  EXPECT_THAT(refusal({"8000", "--allow-upgrade", "h2c"}), HasSubstr("never passed on"));
  EXPECT_THAT(refusal({"8000", "--host-header", "a b\n"}), HasSubstr("no host name"));
}

TEST(CommandLine, SuggestsTheFlagThatWasMeant) {
  EXPECT_EQ(refusal({"--lisen", ":8080", "8000"}), "unknown flag --lisen; did you mean --listen?");
  EXPECT_EQ(refusal({"8000", "--conect-timeout=5s"}),
            "unknown flag --conect-timeout; did you mean --connect-timeout?");
  EXPECT_EQ(refusal({"8000", "--frobnicate"}),
            "unknown flag --frobnicate; `onehop help` lists them all");
}

TEST(CommandLine, RefusesWhatMakesNoSense) {
  EXPECT_THAT(refusal({}), HasSubstr("the BACKEND is missing"));
  EXPECT_THAT(refusal({"-v"}), HasSubstr("the BACKEND is missing"));
  EXPECT_THAT(refusal({"8000", "9000"}), HasSubstr("'9000'"));
  EXPECT_EQ(refusal({"8000", "--workers"}), "--workers needs a value: --workers N");
  EXPECT_EQ(refusal({"8000", "--workers", "1", "--workers", "2"}),
            "--workers was given more than once");
}

TEST(CommandLine, KnowsItsCommands) {
  EXPECT_EQ(parse({"help"})->command, Command::help);
  EXPECT_EQ(parse({"--help"})->command, Command::help);
  EXPECT_EQ(parse({"-h"})->command, Command::help);
  EXPECT_EQ(parse({"version"})->command, Command::version);
  EXPECT_EQ(parse({"--version"})->command, Command::version);
  const auto demo = parse({"demo"});
  ASSERT_TRUE(demo);
  EXPECT_EQ(demo->command, Command::demo);
  EXPECT_THAT(demo->listen, ElementsAre("127.0.0.1:8080"));
  EXPECT_THAT(parse({"demo", "-l", ":9"})->listen, ElementsAre(":9"));
}

}  // namespace
}  // namespace onehop::program
