// SPDX-License-Identifier: Apache-2.0
#include "config/field_edit.hpp"

#include "base/ascii.hpp"
#include "http/message_access.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::config {
namespace {

TEST(FieldEdit, SetsOrRemoves) {
  const auto set = parse_field_edit("X-Env:  test lab ");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->name, "X-Env");
  EXPECT_EQ(set->value.text(), "test lab");
  EXPECT_FALSE(set->removes);

  const auto removed = parse_field_edit("-Cookie");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->name, "Cookie");
  EXPECT_TRUE(removed->removes);
}

TEST(FieldEdit, RejectsInvalidFields) {
  for (const char* text : {"", "-", "no colon", ": value", "a b: c", "X: a\nY: b", "X: a\rb"}) {
    EXPECT_FALSE(parse_field_edit(text)) << text;
  }
}

TEST(FieldEdit, RefusesTheFieldsOfTheConnection) {
  for (const std::string name : {"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection",
                                 "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) { return ascii::to_lower(c); });
    for (const std::string& text : {name + ": x", name + ":", "-" + name, lower + ": x",
                                    "-" + lower, name + " : x", "- " + name}) {
      const auto refused = parse_field_edit(text);
      ASSERT_FALSE(refused) << text;
      EXPECT_NE(refused.error().find("belongs to the connection"), std::string::npos) << text;
    }
    for (const std::string& other : {"X-" + name, name + "-X"})
      EXPECT_TRUE(parse_field_edit(other + ": x")) << other;
  }
}

TEST(FieldEdit, IsAppliedInOrder) {
  Headers headers{{"Cookie", "a=1"}, {"X-Env", "old"}};
  apply_edits({*parse_field_edit("X-Env: new"), *parse_field_edit("-Cookie"),
               *parse_field_edit("X-Extra:")},
              headers);
  EXPECT_EQ(headers.get("X-Env"), "new");
  EXPECT_EQ(headers.get("X-Extra"), "");
  EXPECT_FALSE(headers.has("Cookie"));
}

TEST(FieldEdit, PointsAtAnUnknownPlaceholder) {
  EXPECT_EQ(parse_field_edit("X-Real-IP: {clinet}").error(),
            "unknown placeholder {clinet}; did you mean {client}?\n"
            "    X-Real-IP: {clinet}\n"
            "               ^^^^^^^^");
  const std::string json = parse_field_edit("X-J: {\"a\":1}").error();
  EXPECT_NE(json.find("there are {client} {peer}"), std::string::npos) << json;
  EXPECT_NE(json.find("write {{ for a brace"), std::string::npos) << json;
  EXPECT_FALSE(parse_field_edit("X: {client"));
  EXPECT_FALSE(parse_field_edit("X: client}"));
  EXPECT_FALSE(parse_field_edit("X: {}"));
}

TEST(FieldEdit, KeepsDoubledBraces) {
  const auto edit = parse_field_edit("X-J: {{\"a\":1}}");
  ASSERT_TRUE(edit);
  EXPECT_FALSE(edit->value.has_placeholders());
  EXPECT_EQ(edit->value.text(), "{\"a\":1}");
}

class FieldEditExpanded : public ::testing::Test {
 protected:
  FieldEditExpanded() {
    info.client = "203.0.113.9";
    info.peer = "192.0.2.7";
    info.peer_port = 4711;
    info.local = "127.0.0.1:80";
  }
  std::string value(const std::string& text, bool trusted = false) {
    MessageAccess::set_connection(request, info);
    const auto edit = parse_field_edit("X: " + text);
    EXPECT_TRUE(edit) << text;
    return expand_edits({*edit}, RequestFacts{request, trusted}).front().value;
  }

  ConnectionInfo info;
  Request request{*Method::parse("PUT"), *Url::parse_target("/a%20b?c=d"),
                  Headers{{"Host", "a.test:81"},
                          {"X-Forwarded-Proto", "https, http"},
                          {"X-Forwarded-Host", "public.test"},
                          {"X-Request-ID", "r-1"}}};
};

TEST_F(FieldEditExpanded, ExpandsRequestPlaceholders) {
  EXPECT_EQ(value("{client}"), "203.0.113.9");
  EXPECT_EQ(value("{peer}:{peer_port}"), "192.0.2.7:4711");
  EXPECT_EQ(value("at {local}"), "at 127.0.0.1:80");
  EXPECT_EQ(value("{method} {target} {path} {query}"), "PUT /a%20b?c=d /a%20b c=d");
  EXPECT_EQ(value("{request_id}"), "r-1");
}

TEST_F(FieldEditExpanded, BelievesOnlyATrustedPeer) {
  EXPECT_EQ(value("{scheme}://{host}"), "http://a.test:81");
  EXPECT_EQ(value("{scheme}://{host}", true), "https://public.test");
  info.tls = true;
  EXPECT_EQ(value("{scheme}"), "https");
}

TEST_F(FieldEditExpanded, ExpandsTlsPlaceholders) {
  EXPECT_EQ(value("{tls_version}{tls_subject}"), "");
  const TlsInfo tls{.version = "TLSv1.3",
                    .cipher = "C",
                    .protocol = "h2",
                    .server_name = "a.test",
                    .client_subject = "CN=alice"};
  info.tls_info = &tls;
  EXPECT_EQ(value("{tls_version} {tls_cipher} {tls_server_name} {tls_subject}"),
            "TLSv1.3 C a.test CN=alice");
}

TEST_F(FieldEditExpanded, RemovesAFieldWithoutAKnownValue) {
  Headers headers{{"X-Subject", "forged"}, {"X-Odd", "forged"}, {"X-Peer", "forged"}};
  apply_edits(std::vector<KnownEdit>{{"X-Subject", "", true}, {"X-Odd", "a\nb"}, {"X-Peer", "::1"}},
              headers);
  EXPECT_FALSE(headers.has("X-Subject"));
  EXPECT_FALSE(headers.has("X-Odd"));
  EXPECT_EQ(headers.get("X-Peer"), "::1");
}

// Even if another edit has placeholders.
TEST_F(FieldEditExpanded, AnEmptyValueIsKeptAndAnUnknownValueRemovesTheField) {
  MessageAccess::set_connection(request, info);
  const std::vector<FieldEdit> edits = {*parse_field_edit("X-Empty:"),
                                        *parse_field_edit("X-Subject: {tls_subject}"),
                                        *parse_field_edit("-X-Gone")};
  Headers headers{{"X-Empty", "old"}, {"X-Subject", "forged"}, {"X-Gone", "old"}};
  apply_edits(expand_edits(edits, RequestFacts{request, false}), headers);
  EXPECT_EQ(headers.get("X-Empty"), "");
  EXPECT_FALSE(headers.has("X-Subject"));
  EXPECT_FALSE(headers.has("X-Gone"));
}

// The last edit wins.
TEST(FieldEdit, EditsOfTheSameFieldAreAppliedInOrder) {
  struct Case {
    std::vector<const char*> edits;
    std::vector<std::string_view> left;
  };
  for (const Case& each : {Case{{"X: 1", "-X"}, {}}, Case{{"-X", "X: 2"}, {"2"}},
                           Case{{"X: 1", "X: 2"}, {"2"}}, Case{{"X: 2", "X: 1"}, {"1"}},
                           Case{{"X: 1", "-X", "x: 3"}, {"3"}}, Case{{"-X", "X: 1", "-x"}, {}}}) {
    std::vector<FieldEdit> edits;
    for (const char* text : each.edits)
      edits.push_back(*parse_field_edit(text));
    Headers headers{{"X", "old"}, {"X", "older"}, {"Y", "y"}};
    apply_edits(edits, headers);
    EXPECT_EQ(headers.get_all("X"), each.left) << ::testing::PrintToString(each.edits);
    EXPECT_EQ(headers.get("Y"), "y");
  }
}

}  // namespace
}  // namespace onehop::config
