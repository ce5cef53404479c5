// SPDX-License-Identifier: Apache-2.0
#include "config/table_contradictions.hpp"

#include "config/load.hpp"
#include "support/loaded_text.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Returns each finding as "LINE: MESSAGE".
std::vector<std::string> findings_of(const std::string& text) {
  const Loaded loaded = load_text(text);
  std::vector<std::string> lines;
  for (const Finding& one : loaded.findings)
    lines.push_back(std::to_string(one.origin.line) + ": " + one.message);
  return lines;
}

// Returns a file with the lines `top` and two upstreams, each with its own lines and a route.
std::string two_upstreams(const std::string& top,
                          const std::string& one,
                          const std::string& other) {
  return top + "\n[upstream.one]\n" + one + "\n[upstream.other]\n" + other +
         "\n[[route]]\npath = \"/1\"\nupstream = \"one\"\n" +
         "[[route]]\npath = \"/2\"\nupstream = \"other\"\n";
}

constexpr const char* kPlain = "backend = \"http://a\"";
constexpr const char* kSecure = "backend = \"https://b\"";

TEST(TableContradictions, ASettingAtTheTopIsValidIfOneTableUsesIt) {
  EXPECT_THAT(findings_of(two_upstreams("insecure = true", kPlain, kSecure)), IsEmpty());
  EXPECT_THAT(findings_of("backend = \"http://top\"\n" +
                          two_upstreams("backend-name = \"b.test\"", kPlain, kSecure)),
              IsEmpty());
  EXPECT_THAT(findings_of(two_upstreams("health-check-interval = \"9s\"", kPlain,
                                        "backend = \"http://b\"\nhealth-check = \"/ok\"")),
              IsEmpty());
}

TEST(TableContradictions, ASettingAtTheTopIsReportedThereIfItHasNoEffectAnywhere) {
  EXPECT_THAT(findings_of(two_upstreams("insecure = true", kPlain, "backend = \"http://b\"")),
              ElementsAre("1: insecure is for a backend with https://"));
  EXPECT_THAT(findings_of(two_upstreams("sticky-key = \"k\"", kPlain, kSecure)),
              ElementsAre("1: sticky-key is for sticky cookie"));
  // Every table overrides the setting.
  EXPECT_THAT(findings_of(two_upstreams("sticky-key = \"k\"",
                                        "backend = \"http://a\"\nsticky = \"cookie\"\n"
                                        "sticky-key = \"a\"",
                                        "backend = \"http://b\"\nsticky = \"cookie\"\n"
                                        "sticky-key = \"b\"")),
              ElementsAre("1: sticky-key is for sticky cookie"));
}

TEST(TableContradictions, AConflictingPairIsReportedInTheMostSpecificTable) {
  EXPECT_THAT(
      findings_of(two_upstreams("insecure = true", "backend = \"https://a\"\nbackend-ca = \"ca\"",
                                kSecure)),
      ElementsAre("4: insecure accepts any certificate, backend-ca only some: use one of them"));
  EXPECT_THAT(findings_of(two_upstreams("max-eject-time = \"1m\"",
                                        "backend = \"http://a\"\neject-time = \"2m\"", kSecure)),
              ElementsAre("4: max-eject-time is shorter than eject-time"));
  EXPECT_THAT(
      findings_of(two_upstreams("", "backend = \"http://a\"\neject-time = \"6m\"", kSecure)),
      ElementsAre("4: max-eject-time is shorter than eject-time"));
}

TEST(TableContradictions, AConflictingPairAtTheTopIsReportedOnce) {
  EXPECT_THAT(findings_of(two_upstreams("max-eject-time = \"1s\"", kPlain, kSecure)),
              ElementsAre("1: max-eject-time is shorter than eject-time"));
  EXPECT_THAT(findings_of(two_upstreams("eject-time = \"6m\"", kPlain, kSecure)),
              ElementsAre("1: max-eject-time is shorter than eject-time"));
}

// The key for the backend is at the top, but its certificate is in only one upstream.
TEST(TableContradictions, ASettingWithoutEffectDoesNotDisableOthers) {
  const std::string text =
      two_upstreams("backend-key = \"k\"\nbackend-ca = \"ca\"", "backend = \"https://a\"",
                    "backend = \"https://b\"\nbackend-cert = \"c\"");
  const Loaded loaded = load_text(text);
  ASSERT_TRUE(loaded.findings.empty()) << sentence_of(loaded.findings.front());
  const auto& routes = loaded.configuration.routes;
  EXPECT_EQ(routes[0]->transport.tls.ca_file, "ca");
  EXPECT_EQ(routes[0]->transport.tls.certificate.key_file, "");
  EXPECT_EQ(routes[1]->transport.tls.ca_file, "ca");
  EXPECT_EQ(routes[1]->transport.tls.certificate.key_file, "k");
}

TEST(TableContradictions, AnInheritedSettingIsReportedInItsUpstream) {
  EXPECT_THAT(findings_of("[upstream.a]\nbackend = \"http://a\"\nbackend-name = \"b\"\n"
                          "[[route]]\nupstream = \"a\"\nresponse-timeout = \"1s\"\n"),
              ElementsAre("3: backend-name is for a backend with https://"));
}

TEST(TableContradictions, AHealthCheckNeedsAMatchingBackend) {
  EXPECT_THAT(findings_of("backend = \"http://a\"\nhealth-check = \"tcp\"\n"
                          "health-check-host = \"b\"\n"),
              ElementsAre("3: health-check-host has no effect with health-check tcp, which "
                          "sends no request"));
  EXPECT_THAT(findings_of("backend = \"unix:/run/a\"\nhealth-check = \"grpc\"\n"),
              ElementsAre("2: health-check grpc needs HTTP/2, and a backend with unix: has "
                          "HTTP/1.1"));
  EXPECT_THAT(findings_of(two_upstreams("health-check = \"grpc\"",
                                        "backend = \"https://a\"\nbackend-http2 = false", kPlain)),
              ElementsAre("4: health-check grpc needs HTTP/2, which backend-http2 off disables"));
  EXPECT_THAT(findings_of("backend = \"http://a\"\nhealth-check = \"grpc:a.B\"\n"), IsEmpty());
}

TEST(TableContradictions, ABalancingSettingWithoutEffectIsReported) {
  for (const std::string rule : {"balance = \"first\"", "sticky = \"client\""}) {
    const auto found =
        findings_of("backend = [\"http://a\", \"http://b\"]\n" + rule + "\nslow-start = \"5s\"\n");
    ASSERT_EQ(found.size(), 1U) << rule;
    EXPECT_TRUE(found.front().starts_with("3: slow-start has no effect with ")) << rule;
  }
  EXPECT_THAT(findings_of("backend = [\"http://a\", \"http://b\"]\nretry-status = 503\n"
                          "max-attempts = 1\n"),
              ElementsAre("2: retry-status sends a request to another backend, which "
                          "max-attempts 1 forbids"));
}

}  // namespace
}  // namespace onehop::config
