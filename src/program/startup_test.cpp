// SPDX-License-Identifier: Apache-2.0
#include "program/startup.hpp"

#include "program/stopping.hpp"
#include "support/no_descriptors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::ElementsAre;

TEST(StartupLines, DoNotShowAQuery) {
  const Url backend = Url::parse("http://a.test/x?key=hush").value();
  EXPECT_EQ(backend_lines(backend, {}).front().text, "requests go to http://a.test/x?(hidden)");
}

TEST(StartupLines, ListTheListeners) {
  EXPECT_EQ(listening_line({"http://localhost:80", "https://[::1]:8443", "unix:/run/x.sock"}),
            "listening on http://localhost:80, https://[::1]:8443, unix:/run/x.sock");
}

TEST(StartupLines, NameAnAddressForTheBrowser) {
  EXPECT_EQ(url_to_open("http", "0.0.0.0:8080"), "http://localhost:8080");
  EXPECT_EQ(url_to_open("https", "[::]:443"), "https://localhost:443");
  EXPECT_EQ(url_to_open("http", "127.0.0.1:80"), "http://127.0.0.1:80");
  EXPECT_EQ(url_to_open("http", "[::1]:80"), "http://[::1]:80");
  EXPECT_EQ(url_to_open("http", "10.0.0.0:80"), "http://10.0.0.0:80");
  EXPECT_EQ(url_to_open("https", "unix:/run/x.sock"), "unix:/run/x.sock");
}

std::vector<std::string> texts_of(const std::vector<ReportLine>& lines) {
  std::vector<std::string> texts;
  for (const ReportLine& line : lines)
    texts.push_back((line.level == LogLevel::warning ? "warning " : "") + line.text);
  return texts;
}

TEST(StartupLines, ReportTheBackendAndWhetherItIsReachable) {
  const Url backend = Url::parse("http://app.internal:8000").value();
  EXPECT_THAT(
      texts_of(backend_lines(backend, {.addresses = {"10.0.0.1", "10.0.0.2"}, .problem = {}})),
      ElementsAre("requests go to http://app.internal:8000 (10.0.0.1, 10.0.0.2)",
                  "the backend accepts connections"));
}

TEST(StartupLines, WarnIfTheBackendIsUnreachable) {
  const Url backend = Url::parse("http://127.0.0.1:8000").value();
  EXPECT_THAT(
      texts_of(
          backend_lines(backend, {.addresses = {"127.0.0.1"}, .problem = "Connection refused"})),
      ElementsAre("requests go to http://127.0.0.1:8000",
                  "warning the backend does not accept connections yet: Connection refused"));
}

TEST(StartupLines, DoNotBlameTheBackendForAShortage) {
  const Url backend = Url::parse("http://127.0.0.1:8000").value();
  EXPECT_THAT(texts_of(backend_lines(backend, {.addresses = {"127.0.0.1"},
                                               .problem = "Too many open files",
                                               .is_inconclusive = true})),
              ElementsAre("requests go to http://127.0.0.1:8000",
                          "warning the backend was not probed: Too many open files"));
}

TEST(StartupLines, ReportThatTheBackendIsThisProxy) {
  const Url backend = Url::parse("http://localhost:8000").value();
  const ProbeResult itself{.addresses = {"127.0.0.1"},
                           .problem = {},
                           .reached = "127.0.0.1:8000",
                           .is_this_machine = true};
  const auto lines = backend_lines(backend, itself, {"0.0.0.0:8000"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines.back().level, LogLevel::error);
  EXPECT_THAT(lines.back().text, ::testing::HasSubstr("this proxy itself (127.0.0.1:8000)"));
  EXPECT_EQ(backend_lines(backend, itself, {"0.0.0.0:8001"}).back().text,
            "the backend accepts connections");
}

TEST(BackendProbe, RecognisesItsOwnListeners) {
  struct Case {
    const char* listener;
    const char* reached;
    bool is_this_machine;
    bool leads_back;
  };
  for (const Case& each : {Case{"127.0.0.1:80", "127.0.0.1:80", true, true},
                           {"127.0.0.1:80", "127.0.0.1:8080", true, false},
                           {"127.0.0.1:80", "127.0.0.2:80", true, false},
                           {"0.0.0.0:80", "192.0.2.1:80", true, true},
                           {"0.0.0.0:80", "192.0.2.1:80", false, false},
                           {"0.0.0.0:80", "[::1]:80", true, false},
                           {"[::]:80", "127.0.0.1:80", true, true},
                           {"[::]:80", "[::1]:80", true, true},
                           {"[::]:80", "[::1]:81", true, false},
                           {"unix:/run/a", "unix:/run/a", false, true},
                           {"unix:/run/a", "unix:/run/b", false, false},
                           {"unix:/run/a", "", false, false}}) {
    const ProbeResult probe{.addresses = {},
                            .problem = {},
                            .reached = each.reached,
                            .is_this_machine = each.is_this_machine};
    EXPECT_EQ(leads_back_to({"10.0.0.1:1", each.listener}, probe), each.leads_back)
        << each.listener << ' ' << each.reached;
  }
}

TEST(DrainingLine, ReportsHowManyRequestsItWaitsFor) {
  using std::chrono::seconds;
  EXPECT_EQ(draining_line(0, seconds(30)), "stopping: no requests are in progress");
  EXPECT_EQ(draining_line(1, seconds(30)),
            "draining: waiting for 1 request for at most 30s; a second signal stops immediately");
  EXPECT_EQ(draining_line(2, seconds(5)),
            "draining: waiting for 2 requests for at most 5s; a second signal stops immediately");
}

TEST(BackendProbe, ReportsWhyTheBackendIsUnreachable) {
  const Url nowhere = Url::parse("unix:/nonexistent/app.sock").value();
  EXPECT_EQ(probe_backend({nowhere}, std::chrono::milliseconds(100)).problem,
            "No such file or directory");
  // No listener uses port 1 of loopback.
  const ProbeResult refused =
      probe_backend({Url::parse("http://127.0.0.1:1").value()}, std::chrono::milliseconds(500));
  EXPECT_EQ(refused.problem, "Connection refused");
  ASSERT_EQ(refused.addresses.size(), 1U);
  EXPECT_EQ(refused.addresses.front(), "127.0.0.1");
}

TEST(BackendProbe, HasNoResultIfThisMachineIsShortOfDescriptors) {
  if (!NoDescriptors::is_possible_with_exceptions()) GTEST_SKIP() << "the sanitizer needs a pipe";
  const auto patience = std::chrono::milliseconds(500);
  for (const config::NamedBackend& backend :
       {config::NamedBackend{Url::parse("unix:/nonexistent/app.sock").value()},
        config::NamedBackend{Url::parse("http://127.0.0.1:1").value()},
        config::NamedBackend{Url::parse("http://localhost:1").value()},
        config::NamedBackend{Url::parse("http://a.test:1").value(), {"127.0.0.1:1"}}}) {
    ProbeResult result;
    {
      const NoDescriptors none;
      result = probe_backend(backend, patience);
    }
    EXPECT_TRUE(result.is_inconclusive) << backend.url.to_string();
    EXPECT_EQ(result.problem, "Too many open files") << backend.url.to_string();
    EXPECT_FALSE(probe_backend(backend, patience).is_inconclusive) << backend.url.to_string();
  }
}

// No name server listens on port 1. Errors of the system's name servers would not name the host.
TEST(BackendProbe, QueriesTheNameServersOfTheBackend) {
  const ProbeResult result = probe_backend({Url::parse("http://a.test:1").value(), {"127.0.0.1:1"}},
                                           std::chrono::milliseconds(100));
  EXPECT_TRUE(result.addresses.empty());
  EXPECT_THAT(result.problem, ::testing::AnyOf(::testing::HasSubstr("a.test"),
                                               ::testing::HasSubstr("the name servers")));
  const ProbeResult literal = probe_backend(
      {Url::parse("http://127.0.0.1:1").value(), {"127.0.0.1:1"}}, std::chrono::milliseconds(500));
  EXPECT_EQ(literal.problem, "Connection refused");
}

}  // namespace
}  // namespace onehop::program
