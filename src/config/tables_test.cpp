// SPDX-License-Identifier: Apache-2.0
#include "config/tables.hpp"

#include "config/differences.hpp"
#include "config/finding_text.hpp"
#include "config/print.hpp"
#include "config/route_settings.hpp"

#include <chrono>
#include <map>
#include <string>

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

Loaded load_text(const std::string& text, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.end(), {"--config", "named"});
  return load(arguments, {}, [&text](const NamedFiles&, Findings&) {
    return std::vector<ConfigFile>{{"onehop.toml", text}};
  });
}

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

TEST(Tables, OverrideWhatIsAbove) {
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

TEST(Tables, RoutesHaveLimitsOfTheirOwnForContent) {
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

TEST(Tables, RoutesShareConnectionsUnlessTheyOverrideASettingOfThem) {
  const Loaded loaded = load_text(kThree);
  const auto& routes = loaded.configuration.routes;
  EXPECT_EQ(routes[0]->table.connections, "api");
  EXPECT_EQ(routes[1]->table.connections, "route /slow");
  EXPECT_EQ(routes[2]->table.connections, "route /own");
}

TEST(Tables, NamesTheBackendsOnce) {
  std::vector<std::string> names;
  for (const Url& backend : backends_of(load_text(kThree).configuration))
    names.emplace_back(backend.host());
  EXPECT_THAT(names, ElementsAre("top", "api", "own"));
}

TEST(Tables, AFlagNamesTheBackendAtTheTop) {
  const Loaded loaded =
      load_text("[[route]]\npath = \"/x\"\nheader-up = [\"X-A: 1\"]\n", {"http://flag"});
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  EXPECT_EQ(loaded.configuration.routes.front()->backend.host(), "flag");
  EXPECT_EQ(loaded.configuration.routes.front()->table.connections, "");
}

// A value of each setting that only a route has.
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
      if (setting.name == "upstream" ? redirects : is_of_redirect != redirects && is_of_redirect)
        continue;
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

TEST(Tables, AMistakeInATableIsReportedThere) {
  EXPECT_EQ(
      text_of(load_text("[upstream.a]\nbackend = \"http://a\"\ninsecure = true\n"
                        "[[route]]\nupstream = \"a\"\n")
                  .findings),
      "onehop.toml:3:12: error: backend-ca, backend-cert, backend-key, backend-name, insecure "
      "and ignore-missing-close-notify are for a backend with https://\n"
      "  3 | insecure = true\n"
      "    |            ^^^^\n");
  EXPECT_EQ(text_of(load_text("insecure = true\n[upstream.a]\nbackend = \"http://a\"\n"
                              "[[route]]\nupstream = \"a\"\n")
                        .findings),
            "");
}

TEST(Tables, AnUpstreamHasANameOfItsOwn) {
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
}

TEST(Tables, ReadinessNeedsABackendThatCanBeConnectedTo) {
  const std::string text = "backend = \"srv://_http._tcp.a\"\nready-needs-upstream = true\n";
  EXPECT_EQ(text_of(load_text(text).findings),
            "onehop.toml:2:1: error: ready-needs-upstream connects to a backend, and srv:// is a "
            "service, whose servers change: use health-check\n"
            "  2 | ready-needs-upstream = true\n"
            "    | ^^^^^^^^^^^^^^^^^^^^\n");
}

}  // namespace
}  // namespace onehop::config
