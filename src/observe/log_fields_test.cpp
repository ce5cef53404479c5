// SPDX-License-Identifier: Apache-2.0
#include "observe/log_fields.hpp"

#include <onehop/trace.hpp>

#include "observe/exchange_text.hpp"
#include "support/sample_exchange.hpp"

#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using test::kNow;

using ::testing::HasSubstr;
using Presence = LogField::Presence;

// Returns an exchange with a value for every field.
ExchangeRecord full(const TlsInfo& tls) {
  static Trace trace;
  trace.span_id = "00f067aa0ba902b7";
  ExchangeRecord exchange = test::sample_exchange();
  exchange.client = "203.0.113.9";
  exchange.referer = "http://r.test/";
  exchange.request_id = "r-1";
  exchange.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  exchange.trace = &trace;
  exchange.tls = true;
  exchange.tls_info = &tls;
  exchange.route = "api";
  exchange.status = 502;
  exchange.outcome = Outcome::aborted;
  exchange.request_body = 3;
  exchange.attempts = 2;
  exchange.failure = Error::system(ECONNRESET, Side::upstream).during(Phase::receive);
  return exchange;
}

const TlsInfo kTls{.version = "TLSv1.3",
                   .cipher = "TLS_AES_128_GCM_SHA256",
                   .protocol = "h2",
                   .server_name = "a.example",
                   .client_subject = "CN=alice,O=Example",
                   .resumed = true};

LogFields all_fields() {
  LogFields fields;
  for (const LogField& field : log_fields())
    fields.push_back(&field);
  return fields;
}

LogFields named(std::initializer_list<std::string_view> names) {
  LogFields fields;
  for (const std::string_view name : names)
    fields.push_back(find_log_field(name));
  return fields;
}

std::string text_of(const LogFields& fields, const ExchangeRecord& exchange) {
  std::string line;
  append_text_fields(line, fields, exchange, kNow);
  return line;
}

std::string json_text(const LogFields& fields, const ExchangeRecord& exchange) {
  std::string line;
  append_json_fields(line, fields, exchange, kNow);
  return line;
}

nlohmann::json json_of(const LogFields& fields, const ExchangeRecord& exchange) {
  return nlohmann::json::parse(json_text(fields, exchange));
}

TEST(LogFields, AreWrittenInTheOrderAskedFor) {
  const LogFields fields = named({"status", "time", "client", "total", "reused", "failure"});
  EXPECT_EQ(text_of(fields, full(kTls)),
            "status=502 time=2001-09-09T01:46:40.007Z client=203.0.113.9 total=12.345 reused=yes "
            "failure=\"upstream receive: Connection reset by peer\"\n");
  EXPECT_EQ(json_text(named({"status", "time", "reused"}), full(kTls)),
            "{\"status\":502,\"time\":\"2001-09-09T01:46:40.007Z\",\"reused\":true}\n");
}

TEST(LogFields, HaveTheirOwnTypes) {
  const nlohmann::json line = json_of(all_fields(), full(kTls));
  ASSERT_EQ(line.size(), log_fields().size());
  for (const LogField& field : log_fields()) {
    EXPECT_EQ(line[std::string(field.name)].type_name(), std::string(field.type)) << field.name;
  }
  EXPECT_EQ(line["tls_version"], "TLSv1.3");
  EXPECT_EQ(line["tls_cipher"], "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(line["tls_server_name"], "a.example");
  EXPECT_EQ(line["tls_protocol"], "h2");
  EXPECT_EQ(line["tls_client_subject"], "CN=alice,O=Example");
  EXPECT_EQ(line["tls_resumed"], true);
  EXPECT_EQ(line["scheme"], "https");
  EXPECT_EQ(line["route"], "api");
  EXPECT_EQ(line["failure"]["phase"], "receive");
}

TEST(LogFields, AreNullOrADashWithoutAValue) {
  const ExchangeRecord nothing;
  const nlohmann::json line = json_of(all_fields(), nothing);
  for (const char* const name :
       {"client", "method", "target", "version", "scheme", "upstream", "route", "tls_version",
        "tls_client_subject", "total", "wait", "failure", "request_id"})
    EXPECT_EQ(line[name], nullptr) << name;
  EXPECT_EQ(text_of(named({"target", "total", "failure", "tls_cipher"}), nothing),
            "target=- total=- failure=- tls_cipher=-\n");
}

// Every value that a peer chooses contains every byte.
TEST(LogFields, StayOnOneLineForAnyPeerInput) {
  std::string hostile;
  for (int value = 0; value < 256; ++value)
    hostile += static_cast<char>(value);
  TlsInfo tls = kTls;
  tls.server_name = tls.client_subject = hostile;
  ExchangeRecord exchange = full(tls);
  exchange.target = exchange.host = exchange.user_agent = exchange.referer = exchange.request_id =
      hostile;
  exchange.failure = Error(Errc::handler_failed, Side::local, hostile);
  const std::string line = text_of(all_fields(), exchange);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  for (const char c : line.substr(0, line.size() - 1))
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  // Quotes are balanced, so every name=value pair ends at its quote.
  EXPECT_EQ(std::ranges::count(line, '"') % 2, 0);
  const std::string json = json_text(all_fields(), exchange);
  EXPECT_EQ(json.find('\n'), json.size() - 1);
  EXPECT_TRUE(nlohmann::json::accept(json));
}

TEST(LogFields, AreFoundByName) {
  EXPECT_EQ(find_log_field("nothing"), nullptr);
  std::set<std::string_view> names;
  for (const LogField& field : log_fields()) {
    EXPECT_EQ(find_log_field(field.name), &field);
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
  }
}

// The default lines contain the fields that the table lists for them.
TEST(LogFields, OfTheDefaultJsonMatchTheTable) {
  std::string text;
  append_json_line(text, full(kTls), kNow);
  const nlohmann::ordered_json line = nlohmann::ordered_json::parse(text);
  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) {
    if (key != "ms") keys.push_back(key);
    if (key != "ms") continue;
    for (const auto& [part, duration] : value.items())
      keys.push_back(part);
  }
  std::vector<std::string> expected;
  for (const LogField& field : log_fields())
    if (field.in_json == Presence::always) expected.emplace_back(field.name);
  EXPECT_THAT(keys, ::testing::UnorderedElementsAreArray(expected));
  const nlohmann::json chosen = json_of(all_fields(), full(kTls));
  for (const std::string& key : keys) {
    const auto found = line.find(key);
    EXPECT_EQ(chosen[key], found == line.end() ? line["ms"][key] : *found) << key;
  }
}

TEST(LogFields, OfTheDefaultTextMatchTheTable) {
  std::string most;
  std::string least;
  append_text_line(most, full(kTls), kNow);
  append_text_line(least, ExchangeRecord{}, kNow);
  for (const LogField& field : log_fields()) {
    const std::string pair = " " + std::string(field.name) + "=";
    // These values are at the beginning of the line, without names.
    static const std::set<std::string_view> kFirst = {"time",          "client",  "method",
                                                      "target",        "version", "status",
                                                      "response_body", "referer", "user_agent"};
    if (kFirst.contains(field.name)) {
      EXPECT_EQ(field.in_text, Presence::always);
      continue;
    }
    EXPECT_EQ(most.find(pair) != std::string::npos, field.in_text != Presence::never) << field.name;
    EXPECT_EQ(least.find(pair) != std::string::npos, field.in_text == Presence::always)
        << field.name;
  }
}

std::string_view word_for(Presence presence) {
  switch (presence) {
    case Presence::never:
      return "";
    case Presence::if_set:
      return "if set";
    case Presence::always:
      return "yes";
  }
  return "";
}

TEST(LogFields, MatchTheTableInTheDocumentation) {
  std::string table = "| Field | Type | Text | JSON | Meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const LogField& field : log_fields()) {
    table.append("| `").append(field.name).append("` | ").append(field.type).append(" | ");
    for (const Presence presence : {field.in_text, field.in_json})
      table.append(word_for(presence)).append(presence == Presence::never ? "| " : " | ");
    table.append(field.meaning).append(" |\n");
  }
  std::ifstream file(ONEHOP_SOURCE_DIR "/docs/access_log.md");
  ASSERT_TRUE(file);
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_THAT(page.str(), HasSubstr(table)) << "put this table into docs/access_log.md";
}

}  // namespace
}  // namespace onehop::observe
