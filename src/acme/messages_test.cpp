// SPDX-License-Identifier: Apache-2.0
#include "acme/messages.hpp"

#include "acme/renewal_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string directory_with(const std::string& more) {
  return R"({"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a",)"
         R"("newOrder":"https://ca.test/o")" +
         more + "}";
}

TEST(AcmeMessages, ADirectoryListsWhatTheAuthorityOffers) {
  const auto directory = parse_directory(directory_with(
      R"(,"renewalInfo":"https://ca.test/i","meta":{"externalAccountRequired":true,)"
      R"("profiles":{"shortlived":"x","classic":"y"},"termsOfService":"https://ca.test/t"})"));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->new_order, "https://ca.test/o");
  EXPECT_EQ(directory->renewal_info, "https://ca.test/i");
  EXPECT_EQ(directory->revoke_certificate, "");
  EXPECT_EQ(directory->terms, "https://ca.test/t");
  EXPECT_TRUE(directory->needs_external_account);
  EXPECT_THAT(directory->profiles, ElementsAre("classic", "shortlived"));
}

TEST(AcmeMessages, ADirectoryWithAUrlThatIsNotHttpsIsRefused) {
  EXPECT_TRUE(parse_directory(directory_with("")));
  for (const char* const value : {R"("http://ca.test/r")", R"("")", "7", "null",
                                  R"("https://user@ca.test/r")", R"("https://")"}) {
    EXPECT_FALSE(parse_directory(directory_with(R"(,"revokeCert":)" + std::string(value))))
        << value;
  }
  EXPECT_FALSE(parse_directory(R"({"newNonce":"https://ca.test/n"})"));
  EXPECT_FALSE(parse_directory("<html>"));
  EXPECT_FALSE(parse_directory(""));
}

TEST(AcmeMessages, ADocumentThatIsTooLargeOrTooDeepIsRefused) {
  EXPECT_FALSE(
      parse_directory(directory_with(",\"x\":\"" + std::string(kMaxDocument, 'x') + "\"")));
  const std::string deep = std::string(50, '[') + std::string(50, ']');
  EXPECT_FALSE(parse_directory(directory_with(",\"x\":" + deep)));
  EXPECT_TRUE(parse_directory(directory_with(",\"x\":[[[]]]")));
}

TEST(AcmeMessages, TextOfAnAuthorityHasNoControlCharacters) {
  const Problem problem = parse_problem(R"({"type":"a\u202eb","detail":"no\u2028way\u009b1m"})");
  EXPECT_EQ(problem.type, "a b");
  EXPECT_EQ(problem.detail, "no way 1m");
}

TEST(AcmeMessages, AnOrderHasItsStatusAndItsUrls) {
  const auto order = parse_order(
      R"({"status":"invalid","authorizations":["https://ca.test/1","https://ca.test/2"],)"
      R"("finalize":"https://ca.test/f","error":{"type":"urn:ietf:params:acme:error:badCSR",)"
      R"("detail":"no\nway"}})");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->status, OrderStatus::invalid);
  EXPECT_THAT(order->authorizations, ElementsAre("https://ca.test/1", "https://ca.test/2"));
  ASSERT_TRUE(order->problem);
  EXPECT_EQ(order->problem->to_string(), "badCSR: no way");
}

TEST(AcmeMessages, AnOrderThatIsNotWellFormedIsRefused) {
  for (const char* const text :
       {R"({"status":"new","authorizations":[],"finalize":"https://ca.test/f"})",
        R"({"status":"pending","authorizations":{},"finalize":"https://ca.test/f"})",
        R"({"status":"pending","authorizations":["x"],"finalize":"https://ca.test/f"})",
        R"({"status":"pending","authorizations":[7],"finalize":"https://ca.test/f"})",
        R"({"status":"pending","authorizations":[]})", R"([])"}) {
    EXPECT_FALSE(parse_order(text)) << text;
  }
  std::string many = R"({"status":"pending","finalize":"https://ca.test/f","authorizations":[)";
  for (std::size_t i = 0; i <= kMaxListed; ++i)
    many += std::string(i == 0 ? "" : ",") + R"("https://ca.test/1")";
  EXPECT_FALSE(parse_order(many + "]}"));
}

TEST(AcmeMessages, AnUnusableTokenOfAChallengeIsDropped) {
  const auto authorization = parse_authorization(
      R"({"status":"pending","identifier":{"type":"dns","value":"A.Example"},"challenges":[)"
      R"({"type":"http-01","url":"https://ca.test/1","status":"pending",)"
      R"("token":"AAAAAAAAAAAAAAAAAAAAAA"},)"
      R"({"type":"http-02","url":"https://ca.test/2","status":"pending","token":"../../etc"},)"
      R"({"type":"http-03","url":"ftp://ca.test","status":"pending"}, 7]})");
  ASSERT_TRUE(authorization);
  EXPECT_EQ(authorization->name, "a.example");
  ASSERT_EQ(authorization->challenges.size(), 2U);
  EXPECT_EQ(authorization->challenges[0].token, "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(authorization->challenges[1].token, "");
}

TEST(AcmeMessages, AnAuthorizationThatHasEndedIsInvalid) {
  for (const char* const status : {"invalid", "deactivated", "expired", "revoked"}) {
    const auto authorization = parse_authorization(
        std::string(R"({"identifier":{"value":"a.example"},"challenges":[],"status":")") + status +
        "\"}");
    ASSERT_TRUE(authorization);
    EXPECT_EQ(authorization->status, AuthorizationStatus::invalid);
  }
}

TEST(AcmeMessages, NamesAndTypesAreSingleLine) {
  const auto authorization = parse_authorization(
      R"({"status":"pending","identifier":{"value":"a.example\nfalse"},"challenges":[)"
      R"({"type":"http\r\n01","url":"https://ca.test/1","status":"pending"}]})");
  ASSERT_TRUE(authorization);
  EXPECT_EQ(authorization->name, "a.example false");
  EXPECT_EQ(authorization->challenges.at(0).type, "http  01");
}

TEST(AcmeMessages, AProblemIsASingleReadableLine) {
  const Problem problem = parse_problem(
      R"({"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"policy\r\nno",)"
      R"("subproblems":[{"detail":"\u001b[31mred"}]})");
  EXPECT_EQ(problem.type, "rejectedIdentifier");
  EXPECT_EQ(problem.detail, "policy  no ( [31mred)");
  EXPECT_EQ(parse_problem("<html>502</html>").to_string(), "");
  const std::string umlauts = parse_problem(R"({"detail":"x)" +
                                            [] {
                                              std::string many;
                                              for (int i = 0; i < 300; ++i)
                                                many += "\xc3\xa4";
                                              return many;
                                            }() +
                                            "\"}")
                                  .detail;
  EXPECT_EQ(umlauts.size(), kMaxDetail - 1);  // not cut within a character
}

TEST(AcmeMessages, ARenewalWindowMustNotBeEmpty) {
  const auto window = parse_renewal_window(
      R"({"suggestedWindow":{"start":"2026-11-30T10:00:00Z","end":"2026-12-02T10:00:00Z"},)"
      R"("explanationURL":"https://ca.test/why"})");
  ASSERT_TRUE(window);
  EXPECT_EQ(window->end - window->start, std::chrono::hours(48));
  EXPECT_EQ(window->explanation, "https://ca.test/why");
  EXPECT_FALSE(parse_renewal_window(
      R"({"suggestedWindow":{"start":"2026-12-02T10:00:00Z","end":"2026-12-02T10:00:00Z"}})"));
  EXPECT_FALSE(parse_renewal_window(R"({"suggestedWindow":{"start":"now","end":"later"}})"));
  EXPECT_FALSE(parse_renewal_window("{}"));
  EXPECT_FALSE(parse_renewal_window(""));
}

TEST(AcmeMessages, ATokenHas22To128Digits) {
  EXPECT_TRUE(is_token(std::string(22, 'a')));
  EXPECT_TRUE(is_token(std::string(128, '_')));
  EXPECT_FALSE(is_token(std::string(21, 'a')));
  EXPECT_FALSE(is_token(std::string(129, 'a')));
  EXPECT_FALSE(is_token(std::string(22, 'a') + "."));
  EXPECT_FALSE(is_token(std::string(22, 'a') + "/"));
}

TEST(RenewalState, RoundTrips) {
  RenewalState state;
  state.authority = "https://ca.test/dir";
  state.certificate = "AB:CD";
  const WallTime time{std::chrono::sys_days(std::chrono::year(2026) / 11 / 30)};
  state.renew_at = time;
  state.window = RenewalWindow{time, time + std::chrono::hours(1), "https://ca.test/why"};
  state.next_advice = time + std::chrono::hours(2);
  state.failures = 3;
  state.last_attempt = time + std::chrono::hours(3);
  state.next_attempt = time + std::chrono::hours(4);
  state.problem = "no \"luck\"";
  const RenewalState read = RenewalState::parse(state.to_json());
  EXPECT_EQ(read.to_json(), state.to_json());
  EXPECT_EQ(read.window, state.window);
  EXPECT_EQ(read.next_attempt, state.next_attempt);
  EXPECT_EQ(read.problem, state.problem);
}

TEST(RenewalState, IgnoresMalformedMembers) {
  const RenewalState state = RenewalState::parse(
      R"({"authority":7,"failures":-1,"renewAt":"soon","window":{"start":"x"},"problem":"p"})");
  EXPECT_EQ(state.authority, "");
  EXPECT_EQ(state.failures, 0U);
  EXPECT_EQ(state.renew_at, std::nullopt);
  EXPECT_EQ(state.window, std::nullopt);
  EXPECT_EQ(state.problem, "p");
  EXPECT_EQ(RenewalState::parse("not JSON").to_json(), RenewalState().to_json());
}

}  // namespace
}  // namespace onehop::acme
