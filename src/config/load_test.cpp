// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include "config/parsed.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Parsed<Configuration> parse(std::vector<std::string> arguments,
                            const std::map<std::string, std::string>& variables = {}) {
  const Loaded loaded = load(arguments, variables);
  if (loaded.is_usable()) return loaded.configuration;
  std::string text;
  for (const Finding& finding : loaded.findings)
    text += (text.empty() ? "" : "\n") + sentence_of(finding);
  return refused(text);
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
  EXPECT_EQ(configuration->header_up[1].value.text(), "test");
  EXPECT_THAT(configuration->server.trust, ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(configuration->access_log, observe::AccessLogFormat::json);
  EXPECT_EQ(configuration->host_header, "backend");
  EXPECT_TRUE(configuration->verbose);
}

TEST(CommandLine, ReadsCertificatesAndKeysInPairs) {
  const auto configuration = parse({"--tls", "a.pem", "--tls-key", "a.key", "--tls", "b.pem",
                                    "--tls-key", "b.key", "-l", ":8443", "8000"});
  ASSERT_TRUE(configuration) << configuration.error();
  ASSERT_TRUE(configuration->server.tls);
  ASSERT_EQ(configuration->server.tls->certificates.size(), 2U);
  EXPECT_EQ(configuration->server.tls->certificates[1].chain_file, "b.pem");
  EXPECT_EQ(configuration->server.tls->certificates[1].key_file, "b.key");
  EXPECT_THAT(configuration->listen, ElementsAre(":8443"));
}

TEST(CommandLine, ListensWithTlsAndRedirectsToItByDefault) {
  const auto configuration = parse({"--tls", "self", "8000"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->listen, ElementsAre("https://:443", "redirect://:80"));
  EXPECT_TRUE(configuration->server.tls->self_signed);
  EXPECT_THAT(parse({"--tls", "self", "8000"}, {{"ONEHOP_LISTEN", ":9"}})->listen,
              ElementsAre(":9"));
  EXPECT_THAT(refusal({"-l", "https://:443", "8000"}), HasSubstr("needs a certificate"));
  EXPECT_THAT(refusal({"--tls-key", "a.key", "8000"}), HasSubstr("needs --tls CERT"));
}

TEST(CommandLine, RequiresClientCertificatesIfAuthoritiesAreGiven) {
  EXPECT_EQ(parse({"--tls", "self", "--tls-client-ca", "ca.pem", "8000"})->server.tls->client_auth,
            ClientAuth::required);
  EXPECT_EQ(
      parse({"--tls", "self", "--tls-client-ca", "ca.pem", "--tls-client-auth", "optional", "8000"})
          ->server.tls->client_auth,
      ClientAuth::optional);
}

TEST(CommandLine, ReadsHowToTrustTheBackend) {
  const auto configuration = parse({"--backend-ca", "ca.pem", "--backend-cert", "me.pem",
                                    "--backend-key", "me.key", "https://api.internal"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->backend.port(), 443);
  EXPECT_EQ(configuration->transport.tls.ca_file, "ca.pem");
  EXPECT_EQ(configuration->transport.tls.certificate.key_file, "me.key");
  EXPECT_FALSE(configuration->transport.tls.insecure);
  EXPECT_TRUE(parse({"--insecure", "https://api.internal"})->transport.tls.insecure);
  EXPECT_THAT(refusal({"--insecure", "8000"}), HasSubstr("https://"));
  EXPECT_TRUE(parse({"--ignore-missing-close-notify", "https://api.internal"})
                  ->transport.tls.ignore_missing_close_notify);
  EXPECT_THAT(refusal({"--ignore-missing-close-notify", "8000"}), HasSubstr("https://"));
  EXPECT_THAT(refusal({"--insecure", "--backend-ca", "x", "https://a"}), HasSubstr("use one"));
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
  EXPECT_EQ(configuration->transport.response_timeout, no_limit);
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

TEST(CommandLine, OffDisablesALimitWhereThatIsSafe) {
  const auto configuration =
      parse({"8000", "--max-body", "off", "--max-connections", "off", "--retry-budget", "off",
             "--replay-body", "off", "--activity-timeout", "off", "--hold", "off"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_EQ(configuration->server.max_body, no_limit);
  EXPECT_EQ(configuration->transport.max_connections, no_limit);
  EXPECT_EQ(configuration->transport.retry_budget, no_limit);
  EXPECT_EQ(configuration->transport.replay_body, 0U);
  EXPECT_EQ(configuration->transport.activity_timeout, no_limit);
  EXPECT_EQ(configuration->transport.hold, std::chrono::seconds(0));
  EXPECT_THAT(refusal({"8000", "--header-timeout", "off"}),
              HasSubstr("it cannot be switched off; the maximum is 10 years"));
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
  EXPECT_EQ(configuration->header_up[0].value.text(), "1, 2");
  EXPECT_EQ(configuration->transport.connect_timeout, std::chrono::seconds(7));
  EXPECT_EQ(configuration->server.idle_timeout, std::chrono::seconds(8));
  EXPECT_TRUE(configuration->verbose);
}

TEST(CommandLine, ASwitchThatIsOffOverridesItsVariable) {
  const std::map<std::string, std::string> on = {{"ONEHOP_INSECURE", "on"}};
  EXPECT_TRUE(parse({"https://a"}, on)->transport.tls.insecure);
  EXPECT_FALSE(parse({"--insecure=off", "https://a"}, on)->transport.tls.insecure);
  const std::map<std::string, std::string> off = {{"ONEHOP_INSECURE", "off"}};
  EXPECT_TRUE(parse({"--insecure", "--insecure", "https://a"}, off)->transport.tls.insecure);
  EXPECT_EQ(refusal({"--insecure=maybe", "https://a"}),
            "--insecure: 'maybe' is neither on nor off");
}

TEST(CommandLine, ReportsTheSourceOfABadValue) {
  EXPECT_EQ(refusal({"8000", "--idle-timeout", "75"}),
            "--idle-timeout: '75' has no unit; did you mean 75s?");
  EXPECT_EQ(refusal({"8000"}, {{"ONEHOP_IDLE_TIMEOUT", "75"}}),
            "ONEHOP_IDLE_TIMEOUT: '75' has no unit; did you mean 75s?");
  EXPECT_THAT(refusal({"8000", "--listen", "nonsense"}), HasSubstr("--listen: "));
  EXPECT_THAT(refusal({"8000", "--trust", "10.0.0.0/99"}), HasSubstr("is not a network"));
  EXPECT_THAT(refusal({"8000", "--allow-upgrade", "h2c"}), HasSubstr("never forwarded"));
  EXPECT_THAT(refusal({"8000", "--host-header", "a b\n"}), HasSubstr("has no blanks"));
}

TEST(CommandLine, TheBackendMayComeFromTheEnvironment) {
  const std::map<std::string, std::string> variables = {{"ONEHOP_BACKEND", "app:8000"}};
  EXPECT_EQ(parse({}, variables)->backend.authority(), "app:8000");
  EXPECT_EQ(parse({"9000"}, variables)->backend.authority(), "localhost:9000");
  EXPECT_EQ(parse({"demo"}, variables)->command, Command::demo);
  EXPECT_THAT(refusal({}, {{"ONEHOP_BACKEND", "htp://a"}}),
              HasSubstr("ONEHOP_BACKEND: 'htp' is not a supported scheme"));
  EXPECT_THAT(refusal({}, {{"ONEHOP_BACKEND", ""}}), HasSubstr("the BACKEND is missing"));
  EXPECT_THAT(refusal({}, {{"ONEHOP_BAKEND", "app:8000"}}),
              HasSubstr("ONEHOP_BAKEND is not a setting; did you mean ONEHOP_BACKEND?"));
}

TEST(CommandLine, ReportsASurplusArgument) {
  EXPECT_EQ(refusal({"8000", "http://a/x"}),
            "all backends need the same path; these have / and /x");
  EXPECT_EQ(refusal({"demo", "8000"}),
            "the demo has its own backend: remove '8000', or remove demo");
}

TEST(CommandLine, WarnsOfAMisspelledVariable) {
  const auto configuration = parse({"8000"}, {{"ONEHOP_LISEN", ":1"},
                                              {"ONEHOP_BAKCEND", "x"},
                                              {"ONEHOP_LISTEN", ":2"},
                                              {"ONEHOP_SERVICE_HOST", "10.0.0.1"},
                                              {"ONEHOP_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                                              // Kubernetes sets these for a service named
                                              // onehop-backend.
                                              {"ONEHOP_BACKEND_SERVICE_HOST", "10.0.0.1"},
                                              {"ONEHOP_BACKEND_SERVICE_PORT", "80"},
                                              {"ONEHOP_BACKEND_PORT", "tcp://10.0.0.1:80"},
                                              {"ONEHOP_BACKEND_PORT_80_TCP", "tcp://10.0.0.1:80"}});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->warnings,
              ElementsAre("the environment variable ONEHOP_BAKCEND is not a setting; did you mean "
                          "ONEHOP_BACKEND?",
                          "the environment variable ONEHOP_LISEN is not a setting; did you mean "
                          "ONEHOP_LISTEN?"));
}

TEST(CommandLine, AcceptsCommaSeparatedLists) {
  const auto configuration = parse({"8000", "--trust", "10.0.0.0/8, ::1", "--trust", "unix", "-l",
                                    ":81,:82", "--allow-upgrade", "websocket,x/1"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->server.trust, ElementsAre("10.0.0.0/8", "::1", "unix"));
  EXPECT_THAT(configuration->listen, ElementsAre(":81", ":82"));
  EXPECT_THAT(configuration->upgrades, ElementsAre("websocket", "x/1"));
  // A file name and a field value may contain a comma.
  const auto whole = parse({"8000", "--tls", "a,b.pem", "--header-up", "Accept: a, b"});
  ASSERT_TRUE(whole) << whole.error();
  EXPECT_THAT(whole->tls.certificates, ElementsAre("a,b.pem"));
  EXPECT_EQ(whole->header_up.front().value.text(), "a, b");
  EXPECT_THAT(refusal({"8000", "--trust", ","}), HasSubstr("--trust: ',' is not a network"));
}

TEST(CommandLine, RejectsMisleadingNetworks) {
  EXPECT_THAT(refusal({"8000", "--trust", "10.0.0.1/8"}), HasSubstr("did you mean 10.0.0.0/8"));
  EXPECT_THAT(refusal({"8000", "--trust", "fe80::1%eth0"}), HasSubstr("did you mean fe80::1?"));
}

TEST(CommandLine, RejectsConflictingListeners) {
  EXPECT_EQ(refusal({"-l", ":80", "-l", ":80", "8000"}), "--listen: :80 is given twice");
  EXPECT_EQ(refusal({"-l", "127.0.0.1:80", "-l", "*:80", "8000"}),
            "--listen: 127.0.0.1:80 is covered by *:80");
  EXPECT_EQ(refusal({"-l", "localhost:80,127.0.0.1:80", "8000"}),
            "--listen: localhost:80 and 127.0.0.1:80 are the same address");
  EXPECT_EQ(refusal({"-l", "unix:a", "-l", "unix:a", "8000"}), "--listen: unix:a is given twice");
  EXPECT_EQ(refusal({"--tls", "self", "-l", "https://:80", "-l", "redirect://:80", "8000"}),
            "--listen: https://:80 and redirect://:80 are the same address");
  EXPECT_TRUE(parse(
      {"-l", "127.0.0.1:80", "-l", "[::1]:80", "-l", "127.0.0.1:0", "-l", "127.0.0.1:0", "8000"}));
}

TEST(CommandLine, ReadsRedirectListeners) {
  const auto configuration =
      parse({"--tls", "self", "-l", "https://:8443", "-l", "redirect://:8080", "8000"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_THAT(configuration->listen, ElementsAre("https://:8443", "redirect://:8080"));
  EXPECT_THAT(refusal({"-l", "redirect://:8080", "8000"}), HasSubstr("needs a certificate"));
  EXPECT_THAT(refusal({"--tls", "self", "-l", "redirect://:8080", "8000"}),
              HasSubstr("no listener has it: add --listen https://:443"));
  EXPECT_THAT(refusal({"--tls", "self", "-l", "http://:8080", "8000"}),
              HasSubstr("--tls is given, but no listener is https"));
}

TEST(CommandLine, RefusesFlagsThatContradictEachOther) {
  EXPECT_THAT(refusal({"--header-up", "hOST: a", "--host-header", "keep", "8000"}),
              HasSubstr("use one of them"));
  EXPECT_TRUE(parse({"--header-up", "Host: a", "8000"}));
  EXPECT_THAT(refusal({"--map-back-host", "8000"}), HasSubstr("undoes --host-header"));
  EXPECT_TRUE(parse({"--map-back-host", "--host-header", "backend", "8000"}));
  EXPECT_TRUE(parse({"--map-back-host", "--header-up", "Host: a", "8000"}));
  EXPECT_EQ(refusal({"--header-up", "X-A: 1", "--header-up", "-x-a", "8000"}),
            "--header-up: 'x-a' is both set and removed");
  EXPECT_EQ(refusal({"--header-down", "X-A: 1", "--header-down", "X-A: 2", "8000"}),
            "--header-down: 'X-A' is set twice");
  EXPECT_THAT(refusal({"--http2", "off", "--max-streams", "5", "8000"}),
              HasSubstr("--max-streams configures HTTP/2"));
  EXPECT_THAT(refusal({"--backend-http2", "off", "h2c://a"}),
              HasSubstr("HTTP/2 without TLS is h2c"));
  EXPECT_THAT(refusal({"--backend-name", "a.test", "8000"}), HasSubstr("https://"));
}

TEST(CommandLine, SwitchesHttp2Off) {
  const auto configuration = parse({"--http2", "off", "--backend-http2", "off", "--backend-name",
                                    "api.test", "https://10.0.0.1"});
  ASSERT_TRUE(configuration) << configuration.error();
  EXPECT_FALSE(configuration->server.http2);
  EXPECT_FALSE(configuration->transport.http2);
  EXPECT_EQ(configuration->transport.tls.server_name, "api.test");
  EXPECT_TRUE(parse({"8000"})->server.http2);
  EXPECT_TRUE(parse({"8000"})->transport.http2);
}

TEST(CommandLine, SuggestsTheIntendedFlag) {
  EXPECT_EQ(refusal({"--lisen", ":8080", "8000"}), "unknown flag --lisen; did you mean --listen?");
  EXPECT_EQ(refusal({"8000", "--conect-timeout=5s"}),
            "unknown flag --conect-timeout; did you mean --connect-timeout?");
  EXPECT_EQ(refusal({"8000", "--frobnicate"}),
            "unknown flag --frobnicate; `onehop help` lists them all");
}

TEST(CommandLine, RejectsInvalidArguments) {
  EXPECT_THAT(refusal({}), HasSubstr("the BACKEND is missing"));
  EXPECT_THAT(refusal({"-v"}), HasSubstr("the BACKEND is missing"));
  EXPECT_THAT(refusal({"--backend", "8000", "9000"}), HasSubstr("'9000'"));
  EXPECT_EQ(refusal({"8000", "--workers"}), "--workers needs a value: --workers N");
  EXPECT_EQ(refusal({"8000", "--workers", "1", "--workers", "2"}),
            "--workers was given more than once");
}

TEST(CommandLine, ReadsCommands) {
  EXPECT_EQ(parse({"help"})->command, Command::help);
  EXPECT_EQ(parse({"--help"})->command, Command::help);
  EXPECT_EQ(parse({"-h"})->command, Command::help);
  EXPECT_EQ(parse({"version"})->command, Command::version);
  EXPECT_EQ(parse({"--version"})->command, Command::version);
  EXPECT_EQ(parse({"-V"})->command, Command::version);
  const auto demo = parse({"demo"});
  ASSERT_TRUE(demo);
  EXPECT_EQ(demo->command, Command::demo);
  EXPECT_THAT(demo->listen, ElementsAre("127.0.0.1:8080"));
  EXPECT_THAT(parse({"demo", "-l", ":9"})->listen, ElementsAre(":9"));
}

}  // namespace
}  // namespace onehop::config
