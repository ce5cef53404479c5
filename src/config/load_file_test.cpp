// SPDX-License-Identifier: Apache-2.0
#include "config/finding_text.hpp"
#include "config/load.hpp"
#include "config/print.hpp"
#include "config/settings.hpp"
#include "support/loaded_text.hpp"

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Returns the text that `check` prints for a configuration file, which exists only in memory.
std::string check(const std::string& text) {
  return text_of(load_text(text).findings);
}

TEST(LoadFile, ReadsOneBackendInFiveLines) {
  const Loaded loaded = load_text(
      "# a comment\n"
      "backend = \"http://localhost:8000\"\n"
      "listen  = [\"127.0.0.1:8080\", \"http://:80\"]\n"
      "drain_timeout = \"10s\"\n"
      "workers = 3\n"
      "request-id = true\n");
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  const Configuration& configuration = loaded.configuration;
  EXPECT_EQ(configuration.backend.authority(), "localhost:8000");
  EXPECT_THAT(configuration.listen, ElementsAre("127.0.0.1:8080", "http://:80"));
  EXPECT_EQ(configuration.drain_timeout, std::chrono::seconds(10));
  EXPECT_EQ(configuration.server.workers, 3U);
  EXPECT_TRUE(configuration.server.request_ids);
}

TEST(LoadFile, AFlagOverridesAVariableAFileAndTheDefault) {
  const std::string text =
      "backend = 8000\n"
      "idle-timeout = \"1s\"\nbody-timeout = \"1s\"\nheader-timeout = \"1s\"\n"
      "trust = [\"10.0.0.0/8\", \"::1\"]\n";
  const Loaded loaded = load_text(text, {"--idle-timeout", "3s", "--trust", "unix"},
                                  {{"ONEHOP_IDLE_TIMEOUT", "2s"}, {"ONEHOP_BODY_TIMEOUT", "2s"}});
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  EXPECT_EQ(loaded.configuration.server.idle_timeout, std::chrono::seconds(3));
  EXPECT_EQ(loaded.configuration.server.body_timeout, std::chrono::seconds(2));
  EXPECT_EQ(loaded.configuration.server.header_timeout, std::chrono::seconds(1));
  EXPECT_EQ(loaded.configuration.server.write_timeout, std::chrono::seconds(60));
  EXPECT_THAT(loaded.configuration.server.trust, ElementsAre("unix"));  // replaced as a whole
  EXPECT_EQ(text_of(loaded.given_for("idle-timeout")->origin), "--idle-timeout");
  EXPECT_EQ(text_of(loaded.given_for("body-timeout")->origin), "ONEHOP_BODY_TIMEOUT");
  EXPECT_EQ(text_of(loaded.given_for("header-timeout")->origin), "onehop.toml:4");
  EXPECT_EQ(loaded.given_for("write-timeout"), nullptr);
}

TEST(LoadFile, AnEmptyListIsAValue) {
  const Loaded loaded = load_text("backend = 8000\nallow-upgrade = []\n");
  ASSERT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  EXPECT_TRUE(loaded.configuration.upgrades.empty());
  EXPECT_EQ(check("backend = 8000\nlisten = []\n"),
            "onehop.toml:2:1: error: listen: the list is empty, so no client could connect\n"
            "  2 | listen = []\n"
            "    | ^^^^^^\n");
}

TEST(LoadFile, ReportsEveryMistakeInTheOrderOfTheFile) {
  const Loaded loaded = load_text(
      "backend = \"http://localhost:8000\"\n"
      "\n"
      "drian-timeout = \"30s\"\n"
      "connect-timeout =   \"5 sec\"\n"
      "trust = [\"10.0.0.0/8\",\n"
      "         \"10.0.0.1/8\"]\n",
      {}, {{"ONEHOP_WORKERS", "many"}});
  EXPECT_EQ(text_of(loaded.findings),
            "onehop.toml:3:1: error: unknown setting 'drian-timeout'\n"
            "  3 | drian-timeout = \"30s\"\n"
            "    | ^^^^^^^^^^^^^ did you mean drain-timeout?\n"
            "onehop.toml:4:21: error: connect-timeout: '5 sec' is not a number and a unit of time\n"
            "  4 | connect-timeout =   \"5 sec\"\n"
            "    |                     ^^^^^^^ did you mean 5s?\n"
            "onehop.toml:6:10: error: trust: '10.0.0.1/8' has bits after its prefix\n"
            "  6 |          \"10.0.0.1/8\"]\n"
            "    |          ^^^^^^^^^^^^ did you mean 10.0.0.0/8, or the one address "
            "10.0.0.1?\n"
            "ONEHOP_WORKERS: error: 'many' is not a whole number\n");
  EXPECT_EQ(summary_of(loaded.findings), "4 errors");
}

// The three typical mistakes of users who do not know TOML, and similar ones.
TEST(LoadFile, SuggestsHowToFixInvalidToml) {
  const std::pair<const char*, const char*> cases[] = {
      {"drain-timeout = 30s",
       "1:17: error: texts need quotes\n"
       "  1 | drain-timeout = 30s\n"
       "    |                 ^^^ write drain-timeout = \"30s\"\n"},
      {"listen = :80  # all",
       "1:10: error: texts need quotes\n"
       "  1 | listen = :80  # all\n"
       "    |          ^^^ write listen = \":80\"\n"},
      {"key =",
       "1:6: error: the value is missing\n"
       "  1 | key =\n"
       "    |      ^ write key = \"...\"\n"},
      {"backend = http://localhost:8000",
       "1:11: error: texts need quotes\n"
       "  1 | backend = http://localhost:8000\n"
       "    |           ^^^^^^^^^^^^^^^^^^^^^ write backend = \"http://localhost:8000\"\n"},
      {"tls = /etc/ssl/a.pem",
       "1:7: error: texts need quotes\n"
       "  1 | tls = /etc/ssl/a.pem\n"
       "    |       ^^^^^^^^^^^^^^ write tls = \"/etc/ssl/a.pem\"\n"},
      {"connect-timeout = 5 sec",
       "1:19: error: texts need quotes\n"
       "  1 | connect-timeout = 5 sec\n"
       "    |                   ^^^^^ write connect-timeout = \"5 sec\"\n"},
      {"listen = [:80, \":443\"]",
       "1:11: error: texts need quotes\n"
       "  1 | listen = [:80, \":443\"]\n"
       "    |           ^^^ write listen = [\":80\", \":443\"]\n"},
      {"header-up = X-A: \"b\"",
       "1:13: error: texts need quotes\n"
       "  1 | header-up = X-A: \"b\"\n"
       "    |             ^^^^^^^^ write header-up = 'X-A: \"b\"'\n"},
      {"listen: :80",
       "1:7: error: a key and its value have a = between them\n"
       "  1 | listen: :80\n"
       "    |       ^ write listen = \":80\"\n"},
      {"idle timeout = \"3s\"",
       "1:1: error: a key has no blanks\n"
       "  1 | idle timeout = \"3s\"\n"
       "    | ^^^^^^^^^^^^ did you mean idle-timeout?\n"},
      {"verbose = True",
       "1:11: error: true and false are in lower case\n"
       "  1 | verbose = True\n"
       "    |           ^^^^ write verbose = true\n"},
      {"workers = 08",
       "1:11: error: a number has no leading zeros\n"
       "  1 | workers = 08\n"
       "    |           ^^ write workers = 8\n"},
      {"listen = \":80",
       "1:10: error: the closing quote is missing\n"
       "  1 | listen = \":80\n"
       "    |          ^^^^ write listen = \":80\"\n"},
      {"listen = \xe2\x80\x9c:80\xe2\x80\x9d",
       "1:10: error: TOML does not accept typographic quotes\n"
       "  1 | listen = \xe2\x80\x9c:80\xe2\x80\x9d\n"
       "    |          ^^^^^ write listen = \":80\"\n"},
      {"listen = \":80\" \":81\"",
       "1:16: error: there is something after the value\n"
       "  1 | listen = \":80\" \":81\"\n"
       "    |                ^^^^^ a line has one value; several are a list: [\"a\", \"b\"]\n"},
      {"workers = 1 verbose = true",
       "1:13: error: a line has one setting\n"
       "  1 | workers = 1 verbose = true\n"
       "    |             ^ write each on a line of its own\n"},
      {"just words",
       "1:1: error: a line is KEY = VALUE\n"
       "  1 | just words\n"
       "    | ^^^^^^^^^^\n"},
  };
  for (const auto& [line, expected] : cases)
    EXPECT_EQ(check(std::string(line) + "\n"), "onehop.toml:" + std::string(expected)) << line;
}

TEST(LoadFile, ReportsSyntaxAndSemanticErrorsTogether) {
  EXPECT_EQ(check("backend = 8000\n"
                  "drain-timeout = 30s\n"
                  "listen = [\":80\"]\n"
                  "wokers = 2\n"
                  "listen = \":81\"\n"
                  "max-body = 10MiB\n"),
            "onehop.toml:2:17: error: texts need quotes\n"
            "  2 | drain-timeout = 30s\n"
            "    |                 ^^^ write drain-timeout = \"30s\"\n"
            "onehop.toml:4:1: error: unknown setting 'wokers'\n"
            "  4 | wokers = 2\n"
            "    | ^^^^^^ did you mean workers?\n"
            "onehop.toml:5:1: error: 'listen' is set twice\n"
            "  5 | listen = \":81\"\n"
            "    | ^^^^^^ it is in line 3 as well\n"
            "onehop.toml:6:12: error: texts need quotes\n"
            "  6 | max-body = 10MiB\n"
            "    |            ^^^^^ write max-body = \"10MiB\"\n");
  // The rest of the file after an open bracket cannot be judged.
  EXPECT_EQ(check("listen = [\":80\"\nworkers = many\nverbose = yes\n"),
            "onehop.toml:1:10: error: this [ is not closed\n"
            "  1 | listen = [\":80\"\n"
            "    |          ^ add the ] after the last value\n");
  EXPECT_EQ(check("verbose = yes\n\nlisten = [\n  \":80\"\n"),
            "onehop.toml:1:11: error: texts need quotes\n"
            "  1 | verbose = yes\n"
            "    |           ^^^ write verbose = \"yes\"\n"
            "onehop.toml:3:10: error: this [ is not closed\n"
            "  3 | listen = [\n"
            "    |          ^ add the ] after the last value\n");
}

TEST(LoadFile, ReportsTypeErrorsInPlainWords) {
  const std::pair<const char*, const char*> cases[] = {
      {"drain-timeout = 30",
       "1:17: error: drain-timeout: '30' has no unit\n"
       "  1 | drain-timeout = 30\n"
       "    |                 ^^ did you mean \"30s\"?\n"},
      {"hold = false",
       "1:8: error: hold: false is for switches; this setting takes TIME\n"
       "  1 | hold = false\n"
       "    |        ^^^^^ did you mean \"off\"?\n"},
      {"workers = \"many\"",
       "1:11: error: workers: 'many' is not a whole number\n"
       "  1 | workers = \"many\"\n"
       "    |           ^^^^^^\n"},
      {"workers = -1",
       "1:11: error: workers: '-1' is not a whole number\n"
       "  1 | workers = -1\n"
       "    |           ^^\n"},
      {"workers = 99999999999999999999",
       "1:11: error: this number is too large\n"
       "  1 | workers = 99999999999999999999\n"
       "    |           ^^^^^^^^^^^^^^^^^^^^\n"},
      {"\xef\xbb\xbfhold = false",  // a byte order mark
       "1:8: error: hold: false is for switches; this setting takes TIME\n"
       "  1 | hold = false\n"
       "    |        ^^^^^ did you mean \"off\"?\n"},
      {"workers = 2\n[\n",
       "2:2: error: the name of the table is missing\n"
       "  2 | [\n"
       "    |  ^ settings are at the top of the file, without a table\n"},
      {"[[.a]]",
       "1:3: error: the name of the table is missing\n"
       "  1 | [[.a]]\n"
       "    |   ^ settings are at the top of the file, without a table\n"},
      {"verbose = 7",
       "1:11: error: verbose: '7' is neither on nor off\n"
       "  1 | verbose = 7\n"
       "    |           ^\n"},
      {"idle-timeout = [\"1s\"]",
       "1:16: error: idle-timeout is one value, not a list\n"
       "  1 | idle-timeout = [\"1s\"]\n"
       "    |                ^^^^^^ remove the brackets\n"},
      {"[server]\nlisten = \":80\"",
       "1:2: error: unknown table 'server'\n"
       "  1 | [server]\n"
       "    |  ^^^^^^ settings are at the top of the file, in [upstream.NAME] and in [[route]]\n"},
      {"[route]\n",
       "1:2: error: each route is a table of a list\n"
       "  1 | [route]\n"
       "    |  ^^^^^ write [[route]]\n"},
      {"[[upstream]]\n",
       "1:3: error: an upstream is a table with a name\n"
       "  1 | [[upstream]]\n"
       "    |   ^^^^^^^^ write [upstream.NAME]\n"},
      {"path = \"/\"",
       "1:1: error: path does not belong at the top of the file\n"
       "  1 | path = \"/\"\n"
       "    | ^^^^ it belongs in a [[route]]\n"},
      {"config = \"a\"",
       "1:1: error: config is for the command line only\n"
       "  1 | config = \"a\"\n"
       "    | ^^^^^^ remove it\n"},
      {"tls = \"a\\u0000b\"",
       "1:7: error: tls: the text has a control character\n"
       "  1 | tls = \"a\\u0000b\"\n"
       "    |       ^^^^^^^^^^\n"},
      {"backend = \"htp://a\"",
       "1:12: error: backend: 'htp' is not a supported scheme\n"
       "  1 | backend = \"htp://a\"\n"
       "    |            ^^^ did you mean http://a?\n"},
      {"idle_timeout = \"1s\"\nidle-timeout = \"1s\"",
       "2:1: error: 'idle-timeout' is set twice\n"
       "  2 | idle-timeout = \"1s\"\n"
       "    | ^^^^^^^^^^^^ it is set in onehop.toml:1 as well\n"},
      {"nonsense",
       "1:1: error: a line is KEY = VALUE\n"
       "  1 | nonsense\n"
       "    | ^^^^^^^^\n"},
      {"--listen = \":80\"",
       "1:1: error: unknown setting '--listen'\n"
       "  1 | --listen = \":80\"\n"
       "    | ^^^^^^^^ a key has no dashes in front of it\n"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(check(text), "onehop.toml:" + std::string(expected)) << text;
}

TEST(LoadFile, NamesBothFilesThatSetAKey) {
  const Loaded loaded = load_files(
      {{"a.toml", "backend = 8000\nworkers = 1\n"}, {"b.toml", "verbose = true\nworkers = 2\n"}});
  EXPECT_EQ(text_of(loaded.findings),
            "b.toml:2:1: error: 'workers' is set twice\n"
            "  2 | workers = 2\n"
            "    | ^^^^^^^ it is set in a.toml:2 as well\n");
}

TEST(LoadFile, ReportsContradictionsAtTheirPlaceInTheFile) {
  EXPECT_EQ(check("backend = 8000\n  tls-key = \"a.key\"\n"),
            "onehop.toml:2:3: error: tls-key needs tls CERT, the certificate of the key\n"
            "  2 |   tls-key = \"a.key\"\n"
            "    |   ^^^^^^^\n");
  EXPECT_EQ(check("workers = 2\n"),
            "onehop.toml: error: the backend is missing: add the URL that requests go to, as in\n"
            "    backend = \"http://localhost:8000\"\n");
  // A file may also contradict the command line.
  EXPECT_EQ(text_of(load_text("backend = 8000\nmax-streams = 5\n", {"--http2", "off"}).findings),
            "onehop.toml:2:1: error: max-streams configures HTTP/2, which http2 off disables\n"
            "  2 | max-streams = 5\n"
            "    | ^^^^^^^^^^^\n");
}

// A flag overrides the value but does not hide the mistake.
TEST(LoadFile, ChecksValuesThatAFlagOverrides) {
  const Loaded loaded = load_text("backend = 8000\nworkers = \"many\"\n", {"--workers", "2"});
  ASSERT_EQ(loaded.findings.size(), 1U);
  EXPECT_EQ(sentence_of(loaded.findings.front()),
            "onehop.toml:2:11: workers: 'many' is not a whole number");
}

TEST(FindingText, PlacesCaretsByDisplayWidthAndKeepsTabs) {
  EXPECT_EQ(check("backend = 8000\n\t\"\xe6\x97\xa5\xe6\x9c\xac\" = 1\n"),
            "onehop.toml:2:2: error: unknown setting '\xe6\x97\xa5\xe6\x9c\xac'\n"
            "  2 | \t\"\xe6\x97\xa5\xe6\x9c\xac\" = 1\n"
            "    | \t^^^^^^\n");
  EXPECT_THAT(check("header-up = [\"X-\xc3\xbc: 1\", 7s]\n"),
              HasSubstr("onehop.toml:1:24: error: texts need quotes\n"
                        "  1 | header-up = [\"X-\xc3\xbc: 1\", 7s]\n"
                        "    |                        ^^ "));
}

// C1 controls move the cursor of some terminals, and marks of direction change the order of visible
// text.
TEST(FindingText, ReplacesCharactersThatAffectTheTerminal) {
  const std::string odd = "\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8";
  EXPECT_EQ(check("hold = false # \u00e4 " + odd + "\n"),
            "onehop.toml:1:8: error: hold: false is for switches; this setting takes TIME\n"
            "  1 | hold = false # \u00e4 ?????\n"
            "    |        ^^^^^ did you mean \"off\"?\n");
  EXPECT_EQ(check("backend = \"" + odd + "\", hold = 1\n"),
            "onehop.toml:1:18: error: there is something after the value\n"
            "  1 | backend = \"?????\", hold = 1\n"
            "    |                  ^^^^^^^^^^ a line has one value; several are a list: [\"a\", "
            "\"b\"]\n");
}

TEST(FindingText, ShowsAValueAsTypedBelowItsFlag) {
  const Loaded loaded = load({"ftp://a", "--workers", "x"}, {});
  EXPECT_EQ(text_of(loaded.findings),
            "onehop: error: 'ftp' is not a supported scheme; did you mean http://a?\n"
            "    ftp://a\n"
            "    ^^^\n"
            "--workers: error: 'x' is not a whole number\n");
}

// Each value of a long list keeps its place but no copy of the line.
TEST(LoadFile, AcceptsALongListOnOneLine) {
  const auto began = std::chrono::steady_clock::now();
  std::string text = "backend = 8000\ntrust = [";
  for (int i = 0; i < 20'000; ++i)
    text += "\"10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24\", ";
  const std::size_t column = text.size() - text.rfind('\n');
  const Loaded loaded = load_text(text + "\"10.0.0.1/8\"]\n");
  ASSERT_EQ(loaded.findings.size(), 1U);
  const Finding& finding = loaded.findings.front();
  EXPECT_EQ(finding.origin.line, 2U);
  EXPECT_EQ(finding.origin.column, column);
  EXPECT_THAT(finding.message, HasSubstr("10.0.0.1/8"));
  EXPECT_EQ(finding.hint, "did you mean 10.0.0.0/8, or the one address 10.0.0.1?");
  EXPECT_EQ(finding.excerpt.text, "");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST(LoadFile, RejectsDeeplyNestedKeys) {
  constexpr std::size_t kLevels = 500'000;
  std::string key;
  for (std::size_t i = 0; i < kLevels; ++i)
    key += "a.";
  key += "a";
  const std::pair<std::string, std::string> cases[] = {
      {key + " = 1\n", "2:1"},
      {"  [" + key + "]\n", "2:4"},
      {"[[ " + key + " ]]\n", "2:4"},
      {"x = { b = \"\", " + key + " = 1 }\n", "2:15"},
      {"x = [ '''\n.'''', { " + key + " = 1 } ]\n", "3:10"},
      {"x = \"\"\"\\\"\"\"\"\n" + key + " = 1\n", "3:1"},
      {"x = \"open\n" + key + " = 1\n", "3:1"},
  };
  for (const auto& [text, place] : cases) {
    const Loaded loaded = load_text("backend = 8000\n" + text);
    ASSERT_EQ(loaded.findings.size(), 1U) << place;
    EXPECT_EQ(sentence_of(loaded.findings.front()),
              "onehop.toml:" + place +
                  ": this key is nested too deeply; settings are at the top of the file, without a "
                  "table");
  }
}

// `onehop stop` works although the file has become invalid.
TEST(LoadFile, CommandsToARunningProcessTolerateAnInvalidFile) {
  const std::vector<ConfigFile> files = {{"a.toml", "admin-socket = \"/run/a\"\nworkers = \"x\"\n"},
                                         {"b.toml", "= ="}};
  const Loaded loaded = load({"status"}, {{"ONEHOP_CONFIG", "named"}, {"ONEHOP_TRUST", "?"}},
                             [&files](const NamedFiles&, Findings&) { return files; });
  EXPECT_TRUE(loaded.is_usable()) << text_of(loaded.findings);
  EXPECT_EQ(loaded.findings.size(), 3U);
  EXPECT_EQ(loaded.configuration.admin.socket, "/run/a");
  EXPECT_FALSE(load_files(files, {"status", "--workers", "y"}).is_usable());
}

TEST(LoadFile, AcceptsDotsInStringsAndComments) {
  const std::string dots(1000, '.');
  EXPECT_EQ(check("backend = 8000 # " + dots + "\nhealth-path = \"/" + dots + "\"\n"), "");
}

TEST(LoadFile, RejectsDeeplyNestedBrackets) {
  constexpr int kLevels = 50'000;
  for (const auto& [open, close] :
       {std::pair("[", "]"), std::pair("{ a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = ", " }")}) {
    std::string text = "backend = 8000\nx = ";
    for (int i = 0; i < kLevels; ++i)
      text += open;
    text += "1";
    for (int i = 0; i < kLevels; ++i)
      text += close;
    EXPECT_FALSE(load_text(text + "\n").is_usable());
  }
}

TEST(FindingText, HasColoursIfRequested) {
  const Finding finding{.origin = {Source::variable, "ONEHOP_X"}, .message = "wrong"};
  EXPECT_EQ(text_of(Findings{finding}, Colour::always),
            "\x1b[1mONEHOP_X: \x1b[0m\x1b[1;31merror: \x1b[0mwrong\n");
  // Control characters in a file do not reach the terminal.
  const Finding hostile{.origin = {Source::file, "a\x1b[2J"}, .message = "\x1b[31m"};
  EXPECT_EQ(text_of(Findings{hostile}), "a?[2J: error: ?[31m\n");
}

TEST(FindingText, IsJsonForPrograms) {
  EXPECT_EQ(json_of(load_text("backend = 8000\nwokers = 2\n").findings),
            R"({
  "findings": [
    {
      "severity": "error",
      "message": "unknown setting 'wokers'",
      "hint": "did you mean workers?",
      "source": "file",
      "name": "onehop.toml",
      "line": 2,
      "column": 1,
      "text": "wokers = 2",
      "begin": 0,
      "size": 6
    }
  ],
  "errors": 1,
  "warnings": 0
}
)");
}

}  // namespace
}  // namespace onehop::config
