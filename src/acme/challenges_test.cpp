// SPDX-License-Identifier: Apache-2.0
#include "acme/challenges.hpp"

#include <onehop/testing.hpp>

#include "acme/challenge_handler.hpp"

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

constexpr const char* kToken = "AAAAAAAAAAAAAAAAAAAAAAAA";

class ChallengesTest : public ::testing::Test {
 protected:
  ChallengesTest() {
    challenges_->set_names({"a.example"});
    challenges_->set_thumbprint("thumb");
    challenges_->set_pairs({{"a.example", "pair"}, {"b.example", "other"}});
    challenges_->open(now_ + std::chrono::hours(1));
  }

  Response ask(const std::string& path, const std::string& host) {
    const ChallengeHandler handler(challenges_, make_handler([](Request) {
                                     return Response(Status::not_found, "the backend\n");
                                   }));
    return onehop::testing::serve(handler,
                                  onehop::testing::request("GET " + path, {{"Host", host}}));
  }

  WallTime now_ = std::chrono::system_clock::now();
  std::shared_ptr<Challenges> challenges_ = std::make_shared<Challenges>([this] { return now_; });
};

TEST_F(ChallengesTest, TheResponseIsTheTokenAndTheThumbprint) {
  EXPECT_EQ(challenges_->response_to("a.example", kToken), std::string(kToken) + ".thumb");
  EXPECT_EQ(challenges_->response_to("A.Example:80", kToken), std::string(kToken) + ".thumb");
}

TEST_F(ChallengesTest, OtherNamesAndTokensHaveNoResponse) {
  EXPECT_EQ(challenges_->response_to("c.example", kToken), "");
  EXPECT_EQ(challenges_->response_to("", kToken), "");
  EXPECT_EQ(challenges_->response_to("a.example", "../" + std::string(kToken)), "");
  EXPECT_EQ(challenges_->response_to("a.example", "short"), "");
}

TEST_F(ChallengesTest, ThereIsNoResponseWhenNoOrderCanBePending) {
  now_ += std::chrono::hours(1);
  EXPECT_EQ(challenges_->response_to("a.example", kToken), "");
  EXPECT_EQ(challenges_->pair_for("a.example"), "");
}

TEST_F(ChallengesTest, APairIsOnlyForAConfiguredName) {
  EXPECT_EQ(challenges_->pair_for("A.example"), "pair");
  EXPECT_EQ(challenges_->pair_for("b.example"), "");
}

TEST_F(ChallengesTest, TheHandlerRespondsOnlyToPendingChallenges) {
  const std::string path = "/.well-known/acme-challenge/";
  Response expected = ask(path + kToken, "a.example");
  EXPECT_EQ(expected.status(), Status::ok);
  EXPECT_EQ(onehop::testing::text_of(expected), std::string(kToken) + ".thumb");
  EXPECT_EQ(ask(path + kToken, "c.example").status(), Status::not_found);
  EXPECT_EQ(ask(path, "a.example").status(), Status::not_found);
  EXPECT_EQ(ask("/", "a.example").status(), Status::not_found);
}

}  // namespace
}  // namespace onehop::acme
