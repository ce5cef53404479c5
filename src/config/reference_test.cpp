// SPDX-License-Identifier: Apache-2.0
//
// Everything that is generated from the table of settings has each of them.
#include "config/differences.hpp"
#include "config/load.hpp"
#include "config/man_page.hpp"
#include "config/manual_tables.hpp"
#include "config/print.hpp"
#include "config/route_settings.hpp"
#include "config/schema.hpp"
#include "config/setting_names.hpp"
#include "config/settings.hpp"
#include "config/toml_text.hpp"
#include "support/loaded_text.hpp"

#include <fstream>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A value of each setting other than its default, as a user would write it.
const std::map<std::string_view, std::string>& other_values() {
  static const std::map<std::string_view, std::string> values = {
      {"backend", "http://a.test:81/x"},
      {"listen", "127.0.0.1:81"},
      {"tls", "a.pem"},
      {"tls-key", "a.key"},
      {"acme", "ops@example.org"},
      {"host", "app.example.org"},
      {"state", "/var/lib/onehop"},
      {"acme-ca", "https://ca.test/dir"},
      {"acme-ca-file", "ca.pem"},
      {"acme-eab", "eab"},
      {"acme-profile", "shortlived"},
      {"acme-challenge", "tls-alpn-01"},
      {"acme-key", "rsa2048"},
      {"insecure", "on"},
      {"host-header", "backend"},
      {"header-up", "X-A: \"{client}\", \\1"},
      {"header-down", "-Server"},
      {"trust", "10.0.0.0/8"},
      {"request-id", "on"},
      {"allow-field", "X-Real-IP"},
      {"allow-upgrade", "websocket"},
      {"user", "nobody"},
      {"access-log", "json"},
      {"access-log-to", "/var/log/onehop.log"},
      {"access-log-fields", "status"},
      {"trace", "http://c.test:4318/v1/traces"},
      {"trace-sample", "11%"},
      {"verbose", "on"},
      {"core-dumps", "on"},
      {"landlock", "off"},
      {"admin", "127.0.0.1:9"},
      {"admin-token", "token"},
      {"admin-client-ca", "ca.pem"},
      {"admin-name", "admin.test"},
      {"admin-socket", "off"},
      {"health-path", "/health"},
      {"http2", "off"},
      {"tls-client-ca", "ca.pem"},
      {"tls-client-auth", "optional"},
      {"tls-ticket-keys", "t.keys"},
      {"half-close", "serve"},
      {"proxy-protocol", "unix"},
      {"proxy-protocol-listen", "https://:81"},
      {"defer-accept", "off"},
      {"balance", "random"},
      {"sticky", "cookie:s"},
      {"sticky-key", "s.key"},
      {"health-check", "/ok"},
      {"health-check-host", "h.test"},
      {"resolve", "each"},
      {"failure-status", "503"},
      {"retry-status", "503"},
      {"max-attempts", "5"},
      {"dns-servers", "10.0.0.53:5353"},
      {"backend-http2", "off"},
      {"backend-name", "a.test"},
      {"backend-ca", "ca.pem"},
      {"backend-cert", "b.pem"},
      {"backend-key", "b.key"},
      {"ignore-missing-close-notify", "on"},
      {"retry-budget", "11%"},
  };
  return values;
}

std::string other_value(const Setting& setting) {
  const auto found = other_values().find(setting.name);
  if (found != other_values().end()) return found->second;
  if (setting.placeholder == "TIME") return "1.5s";
  if (setting.placeholder == "SIZE") return "7MiB";
  if (setting.placeholder == "N") return "77";
  return setting.is_switch() || setting.type == ValueType::boolean ? "on" : "";
}

// Returns the values that a file gives to a setting.
std::vector<std::string> values_in(const Loaded& loaded, const Setting& setting) {
  return setting.values(loaded.configuration);
}

// Covers the key in the file and the output of `check --print`.
TEST(Reference, EverySettingIsAKeyThatIsPrintedAsItWasRead) {
  for (const Setting& setting : settings()) {
    if (setting.scope == Scope::arguments) continue;
    const std::string value = other_value(setting);
    ASSERT_NE(value, "") << setting.name << ": add a value to other_values()";
    Configuration expected;
    ASSERT_FALSE(setting.set(expected, {value})) << setting.name;
    const std::string line =
        std::string(setting.name) + " = " + toml_value(setting, {value}) + "\n";
    const Loaded loaded = load_text(line);
    EXPECT_EQ(values_in(loaded, setting), setting.values(expected)) << line;
    EXPECT_THAT(print_configuration(loaded),
                HasSubstr("\n" + line.substr(0, line.size() - 1) + "  # onehop.toml:1\n"))
        << line;
  }
}

TEST(Reference, ThePrintedConfigurationFedBackPrintsTheSame) {
  std::string text;
  // Uses values that do not contradict each other.
  for (const Setting& setting : settings()) {
    if (setting.scope == Scope::arguments || setting.name == "insecure") continue;
    const std::string value = setting.name == "backend"  ? "https://a.test:81/x"
                              : setting.name == "listen" ? "https://:81"
                              : setting.name == "http2"  ? "on"
                              : setting.name == "admin"  ? "https://127.0.0.1:9"
                                                         : other_value(setting);
    text += std::string(setting.name) + " = " + toml_value(setting, {value}) + "\n";
  }
  for (const std::string& start : {std::string("backend = 8000\n"), text}) {
    const Loaded first = load_text(start);
    ASSERT_TRUE(first.is_usable()) << sentence_of(first.findings.front());
    const Loaded second = load_text(print_configuration(first));
    ASSERT_TRUE(second.is_usable()) << sentence_of(second.findings.front());
    EXPECT_TRUE(differences(first.configuration, second.configuration).empty());
    // From the second round on, the origins are the same as well.
    const std::string printed = print_configuration(second);
    EXPECT_EQ(print_configuration(load_text(printed)), printed);
  }
}

TEST(Reference, PrintsTheOriginOfEachValue) {
  const Loaded loaded =
      load({"8000", "--workers", "2", "--config", "onehop.toml"}, {{"ONEHOP_VERBOSE", "yes"}},
           [](const NamedFiles&, Findings&) {
             return std::vector<ConfigFile>{
                 {"onehop.toml", "idle-timeout = \"9s\"\ntrust = \"::1,unix\"\n"}};
           });
  const std::string printed = print_configuration(loaded);
  EXPECT_THAT(printed, HasSubstr("\nbackend = \"http://localhost:8000\"  # argument\n"));
  EXPECT_THAT(printed, HasSubstr("\nworkers = 2  # --workers\n"));
  EXPECT_THAT(printed, HasSubstr("\nverbose = true  # ONEHOP_VERBOSE\n"));
  EXPECT_THAT(printed, HasSubstr("\nidle-timeout = \"9s\"  # onehop.toml:1\n"));
  EXPECT_THAT(printed, HasSubstr("\ntrust = [\"::1\", \"unix\"]  # onehop.toml:2\n"));
  EXPECT_THAT(printed, HasSubstr("\n#body-timeout = \"1m\"  # default\n"));
  EXPECT_THAT(printed, HasSubstr("\n#user is not set  # default\n"));
}

TEST(Reference, PrintsAValueThatIsNotUtf8AsAComment) {
  const Loaded loaded = load({"8000", "--header-up", "X-A: \xff"}, {});
  ASSERT_TRUE(loaded.is_usable());
  EXPECT_THAT(
      print_configuration(loaded),
      HasSubstr("\n# header-up is not UTF-8, so TOML cannot represent its value  # --header-up\n"));
}

TEST(Reference, HidesSecretsFromUnprivilegedReaders) {
  const Loaded loaded = load({"8000", "--header-up", "authorization : Basic eA==", "--header-up",
                              "cache-control: no-cache", "--header-up", "-X-B"},
                             {});
  EXPECT_THAT(print_configuration(loaded), HasSubstr("Basic eA=="));
  EXPECT_THAT(print_configuration(loaded, Secrets::hidden),
              HasSubstr("header-up = [\"authorization : (hidden)\", \"cache-control: no-cache\", "
                        "\"-X-B\"]"));
}

// A name reveals nothing about its value, so all values are hidden except those of a short list of
// fields.
TEST(Reference, HidesTheLiteralValuesOfFields) {
  for (const std::string field :
       {"Proxy-Authorization: hush", "Set-Cookie: hush", "X-Origin: hush", "X-Passwd: hush",
        "X-Pin: hush{client}", "X-Mixed: {client}/hush", "X-Braces: {{hush}}", "Location: hush"}) {
    const Loaded loaded = load({"8000", "--header-up", field}, {});
    ASSERT_TRUE(loaded.is_usable()) << field;
    const std::string printed = print_configuration(loaded, Secrets::hidden);
    const std::string name = field.substr(0, field.find(':'));
    EXPECT_THAT(printed, HasSubstr("header-up = [\"" + name + ": (hidden)\"]"));
    EXPECT_EQ(printed.find("hush"), std::string::npos) << field;
  }
  for (const std::string field : {"X-Real-IP: {client}", "X-Where: {client}, {local}",
                                  "Strict-Transport-Security: max-age=9", "Host: a.test"}) {
    const Loaded loaded = load({"8000", "--header-up", field}, {});
    EXPECT_THAT(print_configuration(loaded, Secrets::hidden), HasSubstr(field));
  }
}

TEST(Reference, HidesTheQueriesOfUrls) {
  const Loaded loaded = load({"8000", "--trace", "http://a.test/v1/traces?api_key=hush"}, {});
  ASSERT_TRUE(loaded.is_usable()) << sentence_of(loaded.findings.front());
  EXPECT_THAT(print_configuration(loaded), HasSubstr("hush"));
  const std::string printed = print_configuration(loaded, Secrets::hidden);
  EXPECT_THAT(printed, HasSubstr("trace = \"http://a.test/v1/traces?(hidden)\""));
  EXPECT_EQ(printed.find("hush"), std::string::npos);
  EXPECT_TRUE(load_printed(printed).is_usable());
  const Loaded weighty = load({"http://a/?key=hush weight=2", "http://b/?key=hush backup"}, {});
  EXPECT_THAT(print_configuration(weighty, Secrets::hidden),
              HasSubstr("[\"http://a/?(hidden) weight=2\", \"http://b/?(hidden) backup\"]"));
  const Loaded other = load({"8000", "--trace", "http://a.test/?api_key=other"}, {});
  for (const Difference& change : differences(loaded.configuration, other.configuration))
    EXPECT_EQ(text_of(change).find("hush"), std::string::npos) << text_of(change);
}

// The kind of a value decides whether it names a file, not its placeholder in the help.
TEST(Reference, IdentifiesTheSettingsThatNameFiles) {
  std::vector<std::string> files;
  for (const Setting& setting : settings())
    if (setting.names_a_file()) files.emplace_back(setting.name);
  EXPECT_THAT(files,
              ElementsAre("tls", "tls-key", "config", "acme-ca-file", "acme-eab", "admin-token",
                          "admin-client-ca", "tls-client-ca", "tls-ticket-keys", "sticky-key",
                          "backend-ca", "backend-cert", "backend-key"));
}

// The name of a file may contain any byte except NUL, such as a line break, which would end the
// comment.
TEST(Reference, PrintsAFileNameWithControlCharactersOnOneLine) {
  const Loaded loaded = load({"--config", "x"}, {}, [](const NamedFiles&, Findings&) {
    return std::vector<ConfigFile>{
        {"a\nworkers = 3\r\x7f\xff\xc2\x85.toml", "backend = \"http://a.test\""}};
  });
  ASSERT_TRUE(loaded.is_usable());
  const std::string printed = print_configuration(loaded);
  EXPECT_THAT(printed, HasSubstr("backend = \"http://a.test\"  # a?workers = 3????.toml:1\n"));
  const Loaded again = load_printed(printed);
  ASSERT_TRUE(again.is_usable()) << sentence_of(again.findings.front());
  EXPECT_TRUE(differences(again.configuration, loaded.configuration).empty());
}

TEST(Reference, TheSchemaDescribesEverySetting) {
  const auto schema = nlohmann::json::parse(schema_text());
  const auto& properties = schema["properties"];
  std::size_t count = 0;
  for (const Setting& setting : settings()) {
    const bool is_key = setting.scope != Scope::arguments;
    EXPECT_EQ(properties.contains(setting.name), is_key) << setting.name;
    if (!is_key) continue;
    ++count;
    const auto& property = properties[std::string(setting.name)];
    EXPECT_THAT(property["description"].get<std::string>(), HasSubstr(std::string(setting.help)));
  }
  EXPECT_EQ(properties.size(), count + 2) << "and the two kinds of tables";
  EXPECT_EQ(properties["access-log"]["enum"], nlohmann::json({"text", "json", "off"}));
  EXPECT_EQ(properties["workers"]["anyOf"][0]["minimum"], 1);
  EXPECT_EQ(properties["workers"]["anyOf"][1]["enum"], nlohmann::json({"auto"}));
  EXPECT_EQ(properties["hold"]["pattern"], "^([0-9]+(\\.[0-9]+)?(ms|s|m|h)|off)$");
  EXPECT_EQ(properties["listen"]["default"], nlohmann::json({":80"}));
  EXPECT_EQ(properties["http2"]["default"], true);
  EXPECT_EQ(properties["max-streams"]["default"], 128);
}

TEST(Reference, TheTablesAndTheManualPageNameEverySetting) {
  const std::string tables = manual_tables();
  const std::string page = man_page("9.9");
  for (const Setting& setting : settings()) {
    EXPECT_THAT(tables, HasSubstr("`" + flag_of(setting) + (setting.is_switch() ? "`" : " ")))
        << setting.name;
    std::string flag;
    for (const char c : flag_of(setting))
      flag += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_THAT(page, HasSubstr(flag + (setting.is_switch() ? "\n" : " "))) << setting.name;
  }
  EXPECT_THAT(tables,
              HasSubstr("| `--access-log text\\|json\\|off` | `text` | one line per request "
                        "| next request |\n"));
}

// A fuzzer finds a name of twenty letters only in its dictionary.
TEST(Reference, TheDictionaryOfTheFuzzTargetHasTheNameOfEverySetting) {
  std::ifstream dictionary(ONEHOP_SOURCE_DIR "/fuzz/config.dict");
  std::set<std::string> words;
  for (std::string line; std::getline(dictionary, line);)
    if (line.size() > 2 && line.starts_with('"')) words.insert(line.substr(1, line.size() - 2));
  std::set<std::string_view> names;
  for (const auto& table : {settings(), route_settings()}) {
    for (const Setting& setting : table)
      names.insert(setting.name);
  }
  for (const std::string_view name : names)
    EXPECT_EQ(words.erase(std::string(name)), 1U) << name;
  for (const std::string& word : words) {
    const bool is_name =
        word.find('-') != std::string::npos &&
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    EXPECT_FALSE(is_name) << "there is no setting " << word;
  }
}

TEST(Differences, ReportWhatAReloadChangesAndWhen) {
  const Loaded before = load({"8000", "--idle-timeout", "5s"}, {});
  EXPECT_TRUE(differences(before.configuration, before.configuration).empty());
  const Loaded after = load({"8001", "--workers", "3", "--trust", "unix", "--max-memory", "1GiB",
                             "--pool-size", "1", "--max-streams", "5", "--user", "nobody"},
                            {});
  std::vector<std::string> lines;
  const auto changes = differences(before.configuration, after.configuration);
  for (const Difference& change : changes)
    lines.push_back(text_of(change));
  EXPECT_THAT(
      lines,
      ElementsAre("backend: \"http://localhost:8000\" becomes \"http://localhost:8001\" (next "
                  "request)",
                  "trust: [] becomes [\"unix\"] (next request)",
                  "workers: \"auto\" becomes 3 (upgrade)",
                  "user: nothing becomes \"nobody\" (restart)",
                  "idle-timeout: \"5s\" becomes \"75s\" (next timer)",
                  "max-streams: 128 becomes 5 (next connection)",
                  "max-memory: \"auto\" becomes \"1GiB\" (at once)",
                  "pool-size: 512 becomes 1 (new pool)"));
  EXPECT_EQ(
      remedies_for(changes),
      "a reload cannot change --workers: that needs `onehop upgrade`, which drops no connections\n"
      "a reload cannot change --user: that needs a restart\n");
  EXPECT_EQ(remedies_for({changes.front()}), "");
}

TEST(Differences, CompareWithARunningProcessWithoutItsSecrets) {
  const Loaded running =
      load({"https://a.test", "--header-up", "Authorization: a", "--hold", "2s"}, {});
  const Loaded printed = load_printed(print_configuration(running, Secrets::hidden));
  ASSERT_TRUE(printed.is_usable()) << sentence_of(printed.findings.front());
  EXPECT_TRUE(differences(printed.configuration, running.configuration, Secrets::hidden).empty());
  const Loaded next = load({"https://a.test", "--header-up", "Authorization: a"}, {});
  const auto changes = differences(printed.configuration, next.configuration, Secrets::hidden);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(text_of(changes.front()), "hold: \"2s\" becomes \"off\" (new pool)");
  // Hidden secrets cannot be compared.
  EXPECT_THAT(not_compared(printed.configuration, next.configuration),
              ElementsAre("header-up: 1 value is hidden, and was not compared"));
  const Loaded without = load({"https://a.test", "--header-up", "Host: a"}, {});
  EXPECT_THAT(not_compared(printed.configuration, without.configuration), ElementsAre());
}

// 0.1% and 0.4% are not both rounded to 0%.
TEST(Differences, DetectTheSmallestChange) {
  const char* const pairs[][3] = {{"--trace-sample", "0.1%", "0.4%"},
                                  {"--retry-budget", "10.1%", "10.4%"},
                                  {"--drain-delay", "0.1ms", "0.4ms"},
                                  {"--max-body", "1024B", "1025B"}};
  for (const auto& [flag, one, other] : pairs) {
    const Loaded before = load({"8000", "--trace", "http://a.test", flag, one}, {});
    const Loaded after = load({"8000", "--trace", "http://a.test", flag, other}, {});
    ASSERT_TRUE(before.is_usable() && after.is_usable()) << flag;
    EXPECT_EQ(differences(before.configuration, after.configuration).size(), 1U) << flag;
  }
}

TEST(Differences, TheFirstCertificateChangesTheListeners) {
  const Loaded plain = load({"8000", "-l", ":80"}, {});
  const Loaded secure = load({"8000", "-l", ":80", "--tls", "self"}, {});
  const auto changes = differences(plain.configuration, secure.configuration);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.front().when, When::new_listener);
}

TEST(SettingNames, SuggestTheSuccessorOfAFormerName) {
  constexpr FormerName kFormer[] = {
      {.name = "shutdown-timeout", .successor = "drain-timeout", .until = "0.3", .advice = ""},
      {.name = "spdy", .successor = "", .until = "0.2", .advice = "remove it"}};
  const NameMeaning renamed = meaning_of("shutdown_timeout", kFormer);
  ASSERT_NE(renamed.setting, nullptr);
  EXPECT_EQ(renamed.setting->name, "drain-timeout");
  EXPECT_EQ(renamed.problem, "'shutdown-timeout' was renamed after version 0.3");
  EXPECT_EQ(renamed.hint, "write drain-timeout");
  const NameMeaning removed = meaning_of("spdy", kFormer);
  EXPECT_EQ(removed.setting, nullptr);
  EXPECT_EQ(removed.problem, "the setting 'spdy' was removed after version 0.2");
  EXPECT_EQ(removed.hint, "remove it");
  EXPECT_EQ(meaning_of("drain_timeout", kFormer).problem, "");
  for (const FormerName& once : former_names())
    EXPECT_EQ(find_setting(once.name), nullptr) << once.name;
}

}  // namespace
}  // namespace onehop::config
