// SPDX-License-Identifier: Apache-2.0

#include "http/forwarding_fields.hpp"

#include "base/ascii.hpp"
#include "http/field_rules.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

ForwardingField kind_of(std::string_view name) {
  return forwarding_field(find_field(name), name);
}

constexpr std::string_view kOwn[] = {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
                                     "X-Client-Certificate-Subject"};
constexpr std::string_view kForeign[] = {"Forwarded",
                                         "X-Forwarded",
                                         "X-Forwarded-Port",
                                         "X-Forwarded-Prefix",
                                         "X-Forwarded-Server",
                                         "X-Forwarded-Scheme",
                                         "X-Forwarded-Ssl",
                                         "X-Forwarded-Protocol",
                                         "X-Forwarded-User",
                                         "X-Forwarded-X",
                                         "X-Forwarded-A-Name-That-Is-Longer-Than-Thirty-One-Bytes",
                                         "X-Real-IP",
                                         "X-Client-IP",
                                         "Client-IP",
                                         "True-Client-IP",
                                         "X-Cluster-Client-IP",
                                         "CF-Connecting-IP",
                                         "Fastly-Client-IP",
                                         "X-Original-Forwarded-For",
                                         "X-Originating-IP",
                                         "X-Remote-IP",
                                         "X-Remote-Addr",
                                         "X-ProxyUser-IP",
                                         "Proxy-Client-IP",
                                         "WL-Proxy-Client-IP",
                                         "X-Envoy-External-Address",
                                         "CF-Connecting-IPv6",
                                         "Fly-Client-IP",
                                         "Client-Cert",
                                         "Client-Cert-Chain",
                                         "X-Original-Host",
                                         "X-Original-URL",
                                         "X-Rewrite-URL",
                                         "X-Scheme",
                                         "X-Url-Scheme",
                                         "Front-End-Https",
                                         "Script-Name",
                                         "X-Script-Name",
                                         "Path-Info"};

TEST(ForwardingFields, AreRecognizedInAnyCase) {
  const auto in_every_case = [](std::string_view name, ForwardingField kind) {
    std::string text(name);
    EXPECT_EQ(kind_of(text), kind) << text;
    std::ranges::transform(text, text.begin(), ascii::to_lower);
    EXPECT_EQ(kind_of(text), kind) << text;
    for (char& c : text) {
      if (ascii::is_alpha(c)) c = static_cast<char>(c & ~0x20);
    }
    EXPECT_EQ(kind_of(text), kind) << text;
  };
  for (const std::string_view name : kOwn)
    in_every_case(name, ForwardingField::own);
  for (const std::string_view name : kForeign)
    in_every_case(name, ForwardingField::foreign);
  in_every_case("Proxy", ForwardingField::harmful);
}

// CGI and WSGI make the same variable of all of these.
TEST(ForwardingFields, HaveLookalikesWithEverySeparatorByte) {
  const auto with = [](std::string_view name, char separator) {
    std::string text(name);
    std::ranges::replace(text, '-', separator);
    return text;
  };
  for (const char separator : std::string_view("!#$%&'*+.^_`|~")) {
    for (const std::string_view name : kOwn)
      EXPECT_EQ(kind_of(with(name, separator)), ForwardingField::lookalike) << separator << name;
    for (const std::string_view name : kForeign) {
      if (name.find('-') == std::string_view::npos) continue;
      EXPECT_EQ(kind_of(with(name, separator)), ForwardingField::lookalike) << separator << name;
    }
  }
  EXPECT_EQ(kind_of("X-Forwarded_For"), ForwardingField::lookalike);
  EXPECT_EQ(kind_of("x_forwarded-PORT"), ForwardingField::lookalike);
  EXPECT_EQ(kind_of("X-Forwarded-A.B"), ForwardingField::lookalike);
}

TEST(ForwardingFields, DoNotIncludeOtherNames) {
  for (const std::string_view name :
       {"",           "Host",         "X-Forwarded-",  "X-Forwarded_", "X-Forwarder-For",
        "XForwarded", "X-Forward-To", "X--Real--IP",   "X-Real-IPs",   "XReal-IP",
        "X-Real",     "Proxies",      "Proxy-Status",  "Proxy_",       "Path",
        "Client",     "Script-Names", "XXForwarded-A", "X1Forwarded",  "Proxy-Authorization",
        "Via",        "X-Request-ID", "X-Clients-IP",  "User-Agent",   "X-Client-Certificate"}) {
    EXPECT_EQ(kind_of(name), ForwardingField::none) << name;
  }
}

TEST(ForwardingFields, MatchTheKnownNamesMarkedAsClaims) {
  for (std::size_t row = 1; row < detail::kFieldFlags.size(); ++row) {
    const auto id = static_cast<FieldId>(row);
    EXPECT_EQ(forwarding_field(id, name_of(id)) != ForwardingField::none, has_flag(id, claims))
        << name_of(id);
  }
  for (const std::string_view name : kForeign) {
    const FieldId id = find_field(name);
    EXPECT_TRUE(id == FieldId::unknown || has_flag(id, claims)) << name;
  }
}

TEST(ForwardingFields, AreForbiddenInTrailers) {
  for (const std::string_view name : kForeign)
    EXPECT_TRUE(is_forbidden_in_trailers(find_field(name), name)) << name;
  for (const std::string_view name : {"Proxy", "X_Forwarded_For", "X.Real.IP", "client_ip"})
    EXPECT_TRUE(is_forbidden_in_trailers(find_field(name), name)) << name;
}

TEST(ForwardingFields, CgiComparesLettersAndDigits) {
  EXPECT_TRUE(is_same_to_cgi("X-A1", "x_a1"));
  EXPECT_TRUE(is_same_to_cgi("a.b", "A~B"));
  EXPECT_FALSE(is_same_to_cgi("a-b", "aab"));
  EXPECT_FALSE(is_same_to_cgi("aab", "a-b"));
  EXPECT_FALSE(is_same_to_cgi("a-b", "a-b-"));
  EXPECT_FALSE(is_same_to_cgi("a1", "a2"));
  EXPECT_TRUE(is_same_to_cgi("", ""));
}

TEST(ForwardingFields, ALookalikeReplacesAHyphenWithAnotherByte) {
  EXPECT_TRUE(is_lookalike("x_a-1", "X-A-1"));
  EXPECT_TRUE(is_lookalike("X.A_1", "X-A-1"));
  EXPECT_FALSE(is_lookalike("x-a-1", "X-A-1"));
  EXPECT_FALSE(is_lookalike("X-A-1", "X_A_1"));
  EXPECT_FALSE(is_lookalike("X_A_2", "X-A-1"));
}

}  // namespace
}  // namespace onehop
