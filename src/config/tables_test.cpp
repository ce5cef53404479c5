// SPDX-License-Identifier: Apache-2.0
#include "config/tables.hpp"

#include "config/differences.hpp"
#include "config/finding_text.hpp"
#include "config/print.hpp"
#include "config/route_settings.hpp"
#include "support/loaded_text.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Pointee;

constexpr const char* kThree = R"(
backend = "http://top"
connect-timeout = "1s"
response-timeout = "1s"
header-up = ["X-A: top"]

[upstream.api]
backend = "http://api"
response-timeout = "2s"

[[route]]
path = "/api/*"
upstream = "api"

[[route]]
path = "/slow"
upstream = "api"
response-timeout = "3s"
header-up = []

[[route]]
path = "/own"
backend = "http://own"
)";

TEST(Tables, OverrideTheTopLevel) {
  const Loaded loaded = load_text(kThree, {"--connect-timeout", "9s"});
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  const auto& routes = loaded.configuration.routes;
  ASSERT_EQ(routes.size(), 3U);
  EXPECT_EQ(routes[0]->backend.host(), "api");
  EXPECT_EQ(routes[0]->transport.response_timeout, 2s);
  EXPECT_EQ(routes[0]->transport.connect_timeout, 9s) << "a flag counts where no table has it";
  EXPECT_EQ(routes[0]->header_up.size(), 1U);
  EXPECT_EQ(routes[1]->transport.response_timeout, 3s);
  EXPECT_TRUE(routes[1]->header_up.empty());
  EXPECT_EQ(routes[2]->backend.host(), "own");
  EXPECT_EQ(routes[2]->transport.response_timeout, 1s);
  EXPECT_EQ(loaded.configuration.transport.response_timeout, 1s);
}

TEST(Tables, RoutesHaveTheirOwnContentLimits) {
  const Loaded loaded = load_text(
      "backend = \"http://top\"\nmax-body = \"1MiB\"\n"
      "[[route]]\npath = \"/large\"\nmax-body = \"2MiB\"\n"
      "[[route]]\npath = \"/small\"\nmax-body = \"1KiB\"\n"
      "[[route]]\npath = \"/same\"\n");
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  const auto& routes = loaded.configuration.routes;
  EXPECT_EQ(routes[0]->server.max_body, 2U << 20U);
  EXPECT_EQ(routes[1]->server.max_body, 1U << 10U);
  EXPECT_EQ(routes[2]->server.max_body, 1U << 20U);
  EXPECT_EQ(largest_max_body(loaded.configuration), 2U << 20U);
  EXPECT_THAT(routes,
              Each(Pointee(Field(&Configuration::table, Field(&TableSettings::connections, "")))));
  EXPECT_EQ(largest_max_body(load_text(kThree).configuration), no_limit);
}

TEST(Tables, RoutesShareConnectionsUnlessTheyOverrideATransportSetting) {
  const Loaded loaded = load_text(kThree);
  const auto& routes = loaded.configuration.routes;
  EXPECT_EQ(routes[0]->table.connections, "api");
  EXPECT_EQ(routes[1]->table.connections, "route /slow");
  EXPECT_EQ(routes[2]->table.connections, "route /own");
}

TEST(Tables, ListTheBackendsOnce) {
  std::vector<std::string> names;
  for (const Url& backend : backends_of(load_text(kThree).configuration))
    names.emplace_back(backend.host());
  EXPECT_THAT(names, ElementsAre("top", "api", "own"));
}

TEST(Tables, AFlagSetsTheTopLevelBackend) {
  const Loaded loaded =
      load_text("[[route]]\npath = \"/x\"\nheader-up = [\"X-A: 1\"]\n", {"http://flag"});
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  EXPECT_EQ(loaded.configuration.routes.front()->backend.host(), "flag");
  EXPECT_EQ(loaded.configuration.routes.front()->table.connections, "");
}

// A value for each setting that only a route has.
const std::map<std::string_view, std::string>& values_of_routes() {
  static const std::map<std::string_view, std::string> values = {
      {"host", "[\"a.example\", \"*.b.example\"]"},
      {"path", "\"/a/b/*\""},
      {"method", "\"PUT\""},
      {"header", "\"X-A: b\""},
      {"upstream", "\"one\""},
      {"strip-prefix", "\"/a\""},
      {"add-prefix", "\"/c\""},
      {"map-back", "true"},
      {"redirect", "\"https://a.example/*\""},
      {"status", "301"}};
  return values;
}

TEST(Tables, EverySettingOfARouteIsPrintedAsItWasRead) {
  for (const bool redirects : {false, true}) {
    std::string text =
        "[upstream.one]\nbackend = \"http://a\"\n[[route]]\npath = \"/x\"\nheader-up = [\"-X\"]\n";
    if (!redirects)
      text += "[[route]]\nhost = \"other\"\nupstream = \"one\"\nmax-connections = 7\n";
    std::string lines;
    for (const Setting& setting : route_settings()) {
      const bool is_of_redirect = setting.name == "redirect" || setting.name == "status";
      const bool is_of_backend = setting.name == "upstream" || setting.name == "map-back";
      if (redirects ? is_of_backend : is_of_redirect) continue;
      lines += std::string(setting.name) + " = " + values_of_routes().at(setting.name) + "\n";
    }
    const Loaded loaded = load_text("backend = \"http://top\"\n" + text + "[[route]]\n" + lines);
    ASSERT_FALSE(has_errors(loaded.findings)) << text_of(loaded.findings);
    const std::string printed = print_configuration(loaded, Secrets::shown);
    for (const auto& [name, value] : values_of_routes()) {
      if (!lines.contains(std::string(name) + " = ")) continue;
      EXPECT_THAT(printed, HasSubstr("\n" + std::string(name) + " = " + value + "  # "));
    }
    const Loaded again = load_text(printed);
    EXPECT_TRUE(differences(loaded.configuration, again.configuration).empty());
    EXPECT_EQ(again.configuration.routes.size(), loaded.configuration.routes.size());
  }
}

TEST(Tables, DifferencesNameTheTable) {
  const Loaded before = load_text(kThree);
  std::string text = kThree;
  text.replace(text.find("\"2s\""), 4, "\"4s\"");
  text.replace(text.find("\"/own\""), 6, "\"/new\"");
  std::vector<std::string> lines;
  for (const Difference& one : differences(before.configuration, load_text(text).configuration))
    lines.push_back(text_of(one));
  EXPECT_THAT(lines,
              ElementsAre("upstream.api: response-timeout: \"2s\" becomes \"4s\" (new pool)",
                          "route /own: path: \"/own\" becomes nothing (next request)",
                          "route /own: backend: \"http://own\" becomes nothing (next request)",
                          "route /new: path: nothing becomes \"/new\" (next request)",
                          "route /new: backend: nothing becomes \"http://own\" (next request)"));
}

TEST(Tables, AnEmptiedListIsADifference) {
  const std::string text =
      "backend = \"http://top\"\nheader-up = [\"X-A: 1\"]\n[[route]]\n"
      "path = \"/x\"\nstrip-prefix = \"/x\"\n";
  const Loaded before = load_text(text);
  const Loaded after = load_text(text + "header-up = []\n");
  const auto changes = differences(before.configuration, after.configuration);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(text_of(changes.front()), "route /x: header-up: nothing becomes [] (next request)");
}

TEST(Tables, ReportAMistakeInItsTable) {
  EXPECT_EQ(text_of(load_text("[upstream.a]\nbackend = \"http://a\"\ninsecure = true\n"
                              "[[route]]\nupstream = \"a\"\n")
                        .findings),
            "onehop.toml:3:12: error: insecure is for a backend with https://\n"
            "  3 | insecure = true\n"
            "    |            ^^^^\n");
}

TEST(Tables, AValueOfAnUpstreamAppliesToItsRoutes) {
  const Loaded loaded = load_text(
      "backend-ca = \"top\"\n[upstream.a]\nbackend = \"https://a\"\nbackend-ca = \"own\"\n"
      "[[route]]\nupstream = \"a\"\nresponse-timeout = \"1s\"\n"
      "[[route]]\npath = \"/b\"\nbackend = \"https://b\"\n");
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  const auto line_for = [&loaded](const Configuration* table) {
    const Finding one = finding_about(loaded, "backend-ca", "x", table);
    const Finding value = finding_about_value(loaded, "backend-ca", 0, "x", Severity::error, table);
    EXPECT_EQ(one.origin.line, value.origin.line);
    return one.origin.line;
  };
  EXPECT_EQ(line_for(loaded.configuration.routes[0].get()), 4U);
  EXPECT_EQ(line_for(loaded.configuration.routes[1].get()), 1U);
  EXPECT_EQ(line_for(loaded.configuration.upstreams[0].get()), 4U);
  EXPECT_EQ(line_for(nullptr), 1U);
}

TEST(Tables, AnEmptyBackendListIsAnError) {
  const auto found = load_text("[upstream.a]\nbackend = []\n[[route]]\nupstream = \"a\"\n");
  ASSERT_EQ(found.findings.size(), 1U) << text_of(found.findings);
  EXPECT_EQ(found.findings.front().message, "upstream.a has no backend");
  EXPECT_EQ(load_text("[[route]]\nbackend = []\n").findings.front().message,
            "this route leads nowhere");
  // A refused value is only one mistake.
  EXPECT_EQ(
      load_text("[upstream.a]\nbackend = true\n[[route]]\nupstream = \"a\"\n").findings.size(), 1U);
  EXPECT_EQ(load_text("[[route]]\nbackend = true\n").findings.size(), 1U);
}

// Covers every kind of setting about requests to a backend.
TEST(Tables, ARouteWithoutABackendAcceptsNoBackendSettings) {
  const auto message_for = [](const std::string& instead, const std::string& line) {
    const Loaded loaded = load_text("[[route]]\npath = \"/x/*\"\n" + instead + "\n" + line + "\n");
    EXPECT_EQ(loaded.findings.size(), 1U) << line << text_of(loaded.findings);
    if (loaded.findings.empty()) return std::string();
    EXPECT_EQ(loaded.findings.front().origin.line, 4U) << line;
    return loaded.findings.front().message;
  };
  for (const std::string line :
       {"header-down = [\"X-A: 1\"]", "header-up = []", "host-header = \"backend\"",
        "allow-upgrade = []", "response-timeout = \"1s\"", "balance = \"random\""}) {
    EXPECT_EQ(message_for("redirect = \"https://a/*\"", line),
              "a route with redirect sends no requests to a backend");
    EXPECT_EQ(message_for("status = 404", line),
              "a route with status sends no requests to a backend");
  }
  EXPECT_EQ(message_for("status = 404", "strip-prefix = \"/x\""),
            "strip-prefix has no effect: a route with status has no path");
  EXPECT_EQ(message_for("redirect = \"https://a/?*\"", "add-prefix = \"/x\""),
            "add-prefix has no effect: the path is not in the redirect");
  EXPECT_EQ(message_for("redirect = \"https://a/*\"", "map-back = true"),
            "map-back changes the responses of a backend, and this route has none");
  EXPECT_EQ(load_text("[[route]]\npath = \"/x/*\"\nstrip-prefix = \"/x\"\nstatus = 301\n"
                      "redirect = \"https://a/*\"\nmap-back = false\n")
                .findings.size(),
            0U);
}

TEST(Tables, ARouteDoesNotRespondWithAStatusThatNeedsAField) {
  const auto found =
      load_text("backend = \"http://a\"\n[[route]]\npath = \"/x\"\nstatus = 401\n").findings;
  ASSERT_EQ(found.size(), 1U) << text_of(found);
  EXPECT_EQ(found.front().origin.line, 4U);
  EXPECT_THAT(found.front().message, HasSubstr("a 401 must have the field WWW-Authenticate"));
}

TEST(Tables, ListTheBackendsNeededForReadiness) {
  const Loaded loaded = load_text(
      "backend = [\"http://a\", \"http://b backup\", \"http://c weight=0\"]\n"
      "[upstream.x]\nbackend = \"http://x\"\n"
      "[upstream.s]\nbackend = \"srv://_http._tcp.s\"\n"
      "[[route]]\npath = \"/x\"\nupstream = \"x\"\n"
      "[[route]]\npath = \"/y\"\nupstream = \"x\"\nresponse-timeout = \"1s\"\n"
      "[[route]]\npath = \"/s\"\nupstream = \"s\"\n"
      "[[route]]\npath = \"/r\"\nstatus = 404\n");
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  std::vector<std::string> lists;
  for (const auto& [upstream, backends] : needed_backends(loaded.configuration)) {
    lists.push_back(upstream + ": ");
    for (const NamedBackend& one : backends)
      lists.back() += std::string(one.url.host()) + " ";
  }
  EXPECT_THAT(lists, ElementsAre(": a b ", "x: x "));
  lists.clear();
  for (const UsedUpstream& one : used_upstreams(loaded.configuration)) {
    lists.push_back(one.name + (one.has_service ? " (service): " : ": "));
    for (const Url& url : one.backends)
      lists.back() += std::string(url.host()) + " ";
  }
  EXPECT_THAT(lists, ElementsAre(": a b ", "x: x ", "route /y: x ", "s (service): "));
}

TEST(Tables, AnUpstreamNeedsAValidName) {
  EXPECT_EQ(
      text_of(load_text("backend = \"http://a\"\n[upstream.default]\nbackend = \"http://b\"\n")
                  .findings),
      "onehop.toml:2:11: error: 'default' is the upstream at the top of the file\n"
      "  2 | [upstream.default]\n"
      "    |           ^^^^^^^ choose another name, or set its backend at the top\n");
  EXPECT_EQ(text_of(load_text("backend = \"http://a\"\n[upstream.\"\"]\n").findings),
            "onehop.toml:2:11: error: an upstream needs a name\n"
            "  2 | [upstream.\"\"]\n"
            "    |           ^^ write [upstream.NAME]\n");
  // Regression: the upstream shared the connections of a route with the same title.
  EXPECT_EQ(text_of(load_text("backend = \"http://a\"\n[upstream.\"route /x\"]\n").findings),
            "onehop.toml:2:11: error: the name of an upstream has letters, digits, '-', '_' and "
            "'.'\n"
            "  2 | [upstream.\"route /x\"]\n"
            "    |           ^^^^^^^^^^ choose another name\n");
}

TEST(Tables, ReadinessNeedsAConnectableBackend) {
  const std::string text = "backend = \"srv://_http._tcp.a\"\nready-needs-upstream = true\n";
  EXPECT_EQ(text_of(load_text(text).findings),
            "onehop.toml:2:1: error: ready-needs-upstream does not support srv://, whose servers "
            "change: use health-check\n"
            "  2 | ready-needs-upstream = true\n"
            "    | ^^^^^^^^^^^^^^^^^^^^\n");
}

}  // namespace
}  // namespace onehop::config
