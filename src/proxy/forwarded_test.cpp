// SPDX-License-Identifier: Apache-2.0

#include "proxy/forwarded.hpp"

#include "http/message_access.hpp"
#include "support/scripted_upstream.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::from_client;
using test::lines_of;
using ::testing::ElementsAre;

Request from_peer(std::string_view peer, Headers headers = {{"Host", "h"}}, bool tls = false) {
  Request request = from_client(std::move(headers));
  ConnectionInfo connection = test::connection_from(peer);
  connection.tls = tls;
  MessageAccess::set_connection(request, connection);
  return request;
}

std::vector<std::string> after(void (*change)(const Request&, Headers&), const Request& in) {
  Headers out = in.headers().clone();
  change(in, out);
  return lines_of(out);
}

// R04
TEST(Forwarded, RemovesEveryClaimOfAnUntrustedClient) {
  Headers headers = {{"forwarded", "for=a"},
                     {"X-Forwarded-For", "a"},
                     {"X-A", "1"},
                     {"X-FORWARDED-HOST", "b"},
                     {"X-Forwarded-Port", "81"},
                     {"X-Forwarded-Proto", "https"},
                     {"X-Real-IP", "c"},
                     {"X-Forwarded-For", "d"},
                     {"x_real_ip", "c"},
                     {"Proxy", "http://e"},
                     {"X.Forwarded.For", "d"},
                     {"X_Client_Certificate_Subject", "CN=admin"},
                     {"X_Client_Certificate_Subjects", "f"},
                     {"Cookie", "g"}};
  remove_claims(headers, {});
  EXPECT_THAT(lines_of(headers),
              ElementsAre("X-A: 1", "X_Client_Certificate_Subjects: f", "Cookie: g"));
}

TEST(Forwarded, KeepsAllowedFields) {
  const AllowedFields allowed({"x-real-ip", "X-Forwarded-Port", "True_Client_IP"});
  const Headers headers = {{"X-Real-IP", "a"},
                           {"X_Real_IP", "b"},
                           {"X-Forwarded-PORT", "1"},
                           {"X-Forwarded-Prefix", "/c"},
                           {"true_client_ip", "d"},
                           {"True-Client-IP", "e"},
                           {"proxy", "f"}};
  Headers untrusted = headers.clone();
  remove_claims(untrusted, allowed);
  EXPECT_THAT(lines_of(untrusted),
              ElementsAre("X-Real-IP: a", "X-Forwarded-PORT: 1", "true_client_ip: d"));
  Headers trusted = headers.clone();
  remove_false_claims(trusted, allowed);
  EXPECT_THAT(lines_of(trusted),
              ElementsAre("X-Real-IP: a", "X-Forwarded-PORT: 1", "X-Forwarded-Prefix: /c",
                          "true_client_ip: d", "True-Client-IP: e"));
}

TEST(Forwarded, AllowsForwardingFieldsThatItDoesNotSetItself) {
  for (const char* name : {"X-Real-IP", "x_real_ip", "Forwarded", "X-Forwarded-Port"}) {
    EXPECT_EQ(why_not_allowed(name), std::nullopt) << name;
  }
  const auto refusal_of = [](std::string name) {
    try {
      const AllowedFields allowed({std::move(name)});
    } catch (const std::invalid_argument& refused) {
      return std::string(refused.what());
    }
    return std::string("none");
  };
  for (const char* name : {"X-Forwarded-For", "x_forwarded_host", "X-Forwarded-Proto",
                           "X-Client-Certificate-Subject", "X.Client.Certificate.Subject"}) {
    EXPECT_EQ(refusal_of(name), "allow_fields: '" + std::string(name) +
                                    "' is set by the proxy itself; a client's is not passed on");
  }
  EXPECT_EQ(refusal_of("X-Request-ID"),
            "allow_fields: 'X-Request-ID' is passed on anyway; only forwarding fields, such as "
            "X-Real-IP, are not");
  for (const char* name : {"Proxy", "proxy"}) {
    EXPECT_EQ(refusal_of(name), "allow_fields: '" + std::string(name) +
                                    "' is never passed on: CGI programs would take it for their "
                                    "own proxy");
  }
  EXPECT_EQ(refusal_of("X Real IP"), "allow_fields: 'X Real IP' is not a field name");
  EXPECT_EQ(refusal_of(""), "allow_fields: '' is not a field name");
}

TEST(Forwarded, TrustsAPeerButRemovesFieldsNoProxySets) {
  Headers headers = {{"Forwarded", "for=a"},   {"X-Real-IP", "b"}, {"X-Forwarded-Port", "81"},
                     {"Proxy", "http://c"},    {"X_Real_IP", "d"}, {"X_Forwarded_Port", "82"},
                     {"X_Forwarded_For", "e"}, {"X-A", "f"}};
  remove_false_claims(headers, {});
  EXPECT_THAT(lines_of(headers),
              ElementsAre("Forwarded: for=a", "X-Real-IP: b", "X-Forwarded-Port: 81", "X-A: f"));
}

// A hook may call set_forwarded(). Allowed fields stay.
TEST(Forwarded, SettingReplacesOnlyItsOwnFields) {
  EXPECT_THAT(after(set_forwarded, from_peer("1.2.3.4", {{"X_Real_IP", "a"},
                                                         {"X-Real-IP", "b"},
                                                         {"X_Forwarded_Proto", "https"},
                                                         {"X-Forwarded-Host", "c"}})),
              ElementsAre("X_Real_IP: a", "X-Real-IP: b", "X-Forwarded-For: 1.2.3.4",
                          "X-Forwarded-Proto: http"));
}

// A trusted proxy may not know these names, and pass on those that its client wrote.
TEST(Forwarded, RemovesClaimsWithUnderscoresFromAnyPeer) {
  EXPECT_THAT(
      after(append_forwarded, from_peer("1.2.3.4", {{"Host", "h"},
                                                    {"X_Forwarded_For", "6.6.6.6"},
                                                    {"X_Client_Certificate_Subject", "CN=admin"}})),
      ElementsAre("Host: h", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: h",
                  "X-Forwarded-Proto: http"));
}

// XF01, XF10
TEST(Forwarded, SetsKnownValues) {
  EXPECT_THAT(after(set_forwarded, from_peer("1.2.3.4")),
              ElementsAre("Host: h", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: h",
                          "X-Forwarded-Proto: http"));
  EXPECT_THAT(after(set_forwarded, from_peer("1.2.3.4", {{"Host", "h:8443"}}, true)),
              ElementsAre("Host: h:8443", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: h:8443",
                          "X-Forwarded-Proto: https"));
}

// XF08, XF11
TEST(Forwarded, ReplacesEveryClaim) {
  EXPECT_THAT(after(set_forwarded, from_peer("1.2.3.4", {{"X-Forwarded-For", "6.6.6.6"},
                                                         {"Host", "h"},
                                                         {"x-forwarded-for", "7.7.7.7"},
                                                         {"X-Forwarded-Proto", "https"}})),
              ElementsAre("Host: h", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: h",
                          "X-Forwarded-Proto: http"));
}

// XF06
TEST(Forwarded, WritesIpv6WithoutBrackets) {
  EXPECT_THAT(after(set_forwarded, from_peer("2001:db8::1")),
              ::testing::Contains("X-Forwarded-For: 2001:db8::1"));
}

// XF07
TEST(Forwarded, OmitsUnknownValues) {
  EXPECT_THAT(after(set_forwarded, from_peer("", {{"X-Forwarded-For", "6.6.6.6"}})),
              ElementsAre("X-Forwarded-Proto: http"));
}

// XF02, XF03
TEST(Forwarded, AppendsAfterTheJoinedLists) {
  EXPECT_THAT(after(append_forwarded, from_peer("1.2.3.4", {{"X-Forwarded-For", "client, ip"},
                                                            {"Host", "h"},
                                                            {"X-Forwarded-For", ""},
                                                            {"X-Forwarded-For", "9.9.9.9"},
                                                            {"X-Forwarded-Host", "outer"},
                                                            {"X-Forwarded-Proto", "https"}})),
              ElementsAre("Host: h", "X-Forwarded-For: client, ip, 9.9.9.9, 1.2.3.4",
                          "X-Forwarded-Host: outer", "X-Forwarded-Proto: https"));
}

// Applications compare the field with "https", so it has one scheme: the one that the client used.
TEST(Forwarded, KeepsTheSchemeClosestToTheClient) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
      {{"https"}, "https"},
      {{"https, http"}, "https"},
      {{"https", "http"}, "https"},
      {{"", "http , https"}, "http"},
      {{" , https"}, "https"},
      {{"HTTPS"}, "HTTPS"},
      {{"wss,http"}, "wss"},
      {{""}, "http"},
      {{" , "}, "http"},
      {{}, "http"},
  };
  for (const auto& [lines, scheme] : cases) {
    Headers headers;
    for (const char* line : lines)
      headers.add("X-Forwarded-Proto", line);
    EXPECT_THAT(
        after(append_forwarded, from_peer("1.2.3.4", std::move(headers))),
        ElementsAre("X-Forwarded-For: 1.2.3.4", std::string("X-Forwarded-Proto: ") + scheme));
  }
}

TEST(Forwarded, KeepsTheHostFromATrustedPeer) {
  EXPECT_THAT(after(append_forwarded, from_peer("1.2.3.4", {{"Host", "inner"},
                                                            {"X-Forwarded-Host", "a.example, b"}})),
              ElementsAre("Host: inner", "X-Forwarded-For: 1.2.3.4",
                          "X-Forwarded-Host: a.example, b", "X-Forwarded-Proto: http"));
  EXPECT_THAT(
      after(append_forwarded, from_peer("1.2.3.4", {{"Host", "inner"}, {"X-Forwarded-Host", ""}})),
      ElementsAre("Host: inner", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: inner",
                  "X-Forwarded-Proto: http"));
}

// XF05
TEST(Forwarded, AppendsToNothing) {
  EXPECT_THAT(after(append_forwarded, from_peer("1.2.3.4", {{"X-Forwarded-For", ""}})),
              ElementsAre("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: http"));
}

TEST(Forwarded, AppendsNoAddressForAPeerWithoutOne) {
  EXPECT_THAT(after(append_forwarded, from_peer("", {{"X-Forwarded-For", "9.9.9.9"}})),
              ElementsAre("X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: http"));
}

// XF12: the fields come from the received request, so that a second call changes nothing.
TEST(Forwarded, AppendingTwiceAppendsOnce) {
  const Request in = from_peer("1.2.3.4", {{"X-Forwarded-For", "9.9.9.9"}});
  Headers out = in.headers().clone();
  append_forwarded(in, out);
  append_forwarded(in, out);
  EXPECT_THAT(lines_of(out),
              ElementsAre("X-Forwarded-For: 9.9.9.9, 1.2.3.4", "X-Forwarded-Proto: http"));
}

// RFC 7239 §4, §6
TEST(Forwarded, WritesTheStandardElement) {
  EXPECT_THAT(after(add_forwarded_element, from_peer("192.0.2.60")),
              ElementsAre("Host: h", "Forwarded: for=192.0.2.60;host=h;proto=http"));
  EXPECT_THAT(after(add_forwarded_element, from_peer("2001:db8::1", {}, true)),
              ElementsAre("Forwarded: for=\"[2001:db8::1]\";proto=https"));
  EXPECT_THAT(after(add_forwarded_element, from_peer("", {{"Host", "h:81"}})),
              ElementsAre("Host: h:81", "Forwarded: for=unknown;host=\"h:81\";proto=http"));
}

TEST(Forwarded, EscapesInsideAQuotedValue) {
  EXPECT_THAT(after(add_forwarded_element, from_peer("192.0.2.60", {{"Host", "a\"b\\c"}})),
              ::testing::Contains("Forwarded: for=192.0.2.60;host=\"a\\\"b\\\\c\";proto=http"));
}

TEST(Forwarded, AddsTheElementAfterTrustedOnes) {
  EXPECT_THAT(after(add_forwarded_element, from_peer("192.0.2.60", {{"Forwarded", "for=a"}})),
              ElementsAre("Forwarded: for=a", "Forwarded: for=192.0.2.60;proto=http"));
}

}  // namespace
}  // namespace onehop
