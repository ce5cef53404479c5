// SPDX-License-Identifier: Apache-2.0
#include "observe/admin_rules.hpp"

#include "http/message_access.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

namespace onehop::observe {
namespace {

Request request_from(std::string_view peer,
                     std::string_view host,
                     std::string_view target = "/metrics") {
  Request request(Method::get, Url::parse_target(target).value());
  if (!host.empty()) request.set_host(host);
  ConnectionInfo connection;
  connection.peer = peer;
  MessageAccess::set_connection(request, connection);
  return request;
}

// Returns the status of the refusal; 0 if the request is admitted.
int refusal_of(const AdminRules& rules, const Request& request) {
  const auto refusal = rules.refusal(request);
  return refusal ? refusal->status().code() : 0;
}

struct HostCase {
  std::string_view host;
  int status;
};

TEST(AdminRules, AdmitsAddressesLocalhostAndConfiguredNamesAsHost) {
  const AdminRules rules(AdminRules::Options{.host_names = {"proxy.example", "Ops.Example"}});
  const HostCase cases[] = {{"127.0.0.1:9090", 0},
                            {"127.0.0.1", 0},
                            {"[::1]:9090", 0},
                            {"192.0.2.7:1", 0},
                            {"localhost:9090", 0},
                            {"LocalHost", 0},
                            {"proxy.example:9090", 0},
                            {"PROXY.example", 0},
                            {"ops.example", 0},
                            {"", 0},
                            {"evil.example", 421},
                            {"localhost.evil.example", 421},
                            {"evil.example:9090", 421},
                            {"127.0.0.1.evil.example", 421},
                            {"localhost@evil.example", 421},
                            {"evil.example/localhost", 421},
                            {"localhost, evil.example", 421},
                            {"0x7f000001", 421},
                            {"2130706433", 421},
                            {"proxy.example.", 421}};
  for (const HostCase& each : cases)
    EXPECT_EQ(refusal_of(rules, request_from("127.0.0.1", each.host)), each.status) << each.host;
}

TEST(AdminRules, RefusesCrossSiteRequests) {
  const AdminRules rules;
  struct Case {
    std::string_view site;
    int status;
  };
  for (const Case& each : {Case{"none", 0}, Case{"same-origin", 0}, Case{"same-site", 403},
                           Case{"cross-site", 403}, Case{"nonsense", 403}}) {
    Request request = request_from("127.0.0.1", "127.0.0.1:9090");
    request.headers().set("Sec-Fetch-Site", each.site);
    EXPECT_EQ(refusal_of(rules, request), each.status) << each.site;
  }
}

TEST(AdminRules, AcceptsTheTokenInEitherForm) {
  const AdminRules rules(AdminRules::Options{.token = "s3cret:with:colons"});
  struct Case {
    std::string_view what;
    std::string_view value;
    int status;
  };
  const Case cases[] = {
      {"none", "", 401},
      {"bearer", "Bearer s3cret:with:colons", 0},
      {"another case of the scheme", "bearer s3cret:with:colons", 0},
      {"wrong", "Bearer s3cret:with:colonz", 401},
      {"a prefix", "Bearer s3cret", 401},
      {"longer", "Bearer s3cret:with:colons1", 401},
      {"empty", "Bearer ", 401},
      {"no scheme", "s3cret:with:colons", 401},
      {"basic, user x", "Basic eDpzM2NyZXQ6d2l0aDpjb2xvbnM=", 0},
      {"basic without a user", "Basic OnMzY3JldDp3aXRoOmNvbG9ucw==", 0},
      {"basic without padding", "Basic OnMzY3JldDp3aXRoOmNvbG9ucw", 0},
      {"basic, wrong", "Basic eDp3cm9uZw==", 401},
      {"basic without a colon", "Basic czNjcmV0", 401},
      {"not base64", "Basic ?", 401},
      {"digest", "Digest s3cret:with:colons", 401},
  };
  for (const Case& each : cases) {
    Request request = request_from("192.0.2.7", "192.0.2.1:9090");
    if (!each.value.empty()) request.headers().set("Authorization", each.value);
    EXPECT_EQ(refusal_of(rules, request), each.status) << each.what;
  }
}

TEST(AdminRules, ShowQueriesOverTheSocketAndWithTheToken) {
  const auto asking = [](std::string_view peer) {
    return request_from(peer, "127.0.0.1:9090", "/status?queries=shown");
  };
  EXPECT_EQ(refusal_of(AdminRules(), asking("127.0.0.1")), 403);
  EXPECT_EQ(refusal_of(AdminRules(), asking("")), 0);
  const AdminRules with_token(AdminRules::Options{.token = "t"});
  EXPECT_EQ(refusal_of(with_token, asking("127.0.0.1")), 401);
  Request admitted = asking("127.0.0.1");
  admitted.headers().set("Authorization", "Bearer t");
  EXPECT_EQ(refusal_of(with_token, admitted), 0);
}

TEST(AdminRules, ChallengesForTheToken) {
  const AdminRules rules(AdminRules::Options{.token = "t"});
  const auto refusal = rules.refusal(request_from("192.0.2.7", "192.0.2.1"));
  ASSERT_TRUE(refusal);
  std::vector<std::string> challenges;
  for (const Field& field : refusal->headers())
    if (field.name == "WWW-Authenticate") challenges.emplace_back(field.value);
  EXPECT_EQ(challenges, (std::vector<std::string>{"Bearer realm=\"onehop\"",
                                                  "Basic realm=\"onehop\", charset=\"UTF-8\""}));
}

TEST(AdminRules, AdmitTheSameUserAndRootOverTheUnixSocket) {
  const AdminRules rules(AdminRules::Options{.token = "t"});
  struct Case {
    std::uint32_t user;
    int status;
  };
  for (const Case& each : {Case{::geteuid(), 0}, Case{0, 0}, Case{::geteuid() + 1, 403},
                           Case{ConnectionInfo::kNoUser, 403}}) {
    Request request = request_from("", "evil.example");
    request.headers().set("Sec-Fetch-Site", "cross-site");
    ConnectionInfo connection;
    connection.peer_user = each.user;
    connection.id = ConnectionId(1);
    MessageAccess::set_connection(request, connection);
    EXPECT_EQ(refusal_of(rules, request), each.status) << each.user;
  }
}

// A proxy whose backend is the socket may run as the same user.
TEST(AdminRules, RefuseAProxyOverTheUnixSocket) {
  for (const char* const name :
       {"Via", "Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto",
        "X-Forwarded-Port", "X-Real-IP", "X_Forwarded_For", "CDN-Loop"}) {
    Request request = request_from("", "localhost");
    EXPECT_EQ(refusal_of(AdminRules(), request), 0) << name;
    request.headers().set(name, "something");
    EXPECT_EQ(refusal_of(AdminRules(), request), 403) << name;
    Request by_address = request_from("127.0.0.1", "localhost");
    by_address.headers().set(name, "something");
    EXPECT_EQ(refusal_of(AdminRules(), by_address), 0) << name << ": for reading only";
  }
}

}  // namespace
}  // namespace onehop::observe
