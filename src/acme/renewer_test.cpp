// SPDX-License-Identifier: Apache-2.0
#include "acme/renewer.hpp"

#include "support/full_disk.hpp"
#include "support/renewer_test.hpp"

#include <filesystem>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;
using ::testing::_;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

TEST_F(RenewerTest, ServesASelfSignedCertificateUntilOneIsIssued) {
  const auto renewer = make();
  EXPECT_FALSE(status_of(*renewer).has_certificate);
  EXPECT_TRUE(check_pair(served(*renewer), "a.example"));
  EXPECT_EQ(file(), "");
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(served(*renewer), file());
  EXPECT_EQ(renewer->counts().obtained, 1U);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, AChallengeResponseIsReadyWhenTheAuthorityChecks) {
  const auto renewer = make();
  std::string response;
  std::string after;
  authority_.on_look = [&](const std::string&, const std::string& token) {
    response = renewer->challenges()->response_to("a.example", token);
  };
  look(*renewer);
  EXPECT_THAT(response, HasSubstr("AAAA."));
  EXPECT_EQ(renewer->challenges()->response_to("a.example", std::string(32, 'A')), "");
}

TEST_F(RenewerTest, AnotherProcessRespondsToTheChallengeOfThisOne) {
  settings_.challenges = {"tls-alpn-01"};
  const auto renewer = make();
  const auto other = make();
  std::string response;
  std::string pair;
  authority_.on_look = [&](const std::string&, const std::string& token) {
    // This one sees that the lock is taken, and the entries of the order in the store.
    io::Reactor reactor;
    run_task(reactor, other->look());
    response = other->challenges()->response_to("a.example", token);
    pair = other->challenges()->pair_for("a.example");
  };
  look(*renewer);
  EXPECT_THAT(response, HasSubstr("AAAA."));
  EXPECT_THAT(pair, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_TRUE(status_of(*renewer).has_certificate);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, OneOfTwoProcessesRenewsAndTheOtherServesTheResult) {
  const auto renewer = make();
  const auto other = make();
  look(*renewer);
  look(*other);
  EXPECT_EQ(authority_.orders().size(), 1U);
  EXPECT_EQ(served(*other), served(*renewer));
  EXPECT_EQ(status_of(*other).renew_at, status_of(*renewer).renew_at);
}

TEST_F(RenewerTest, TheNextProcessUsesWhatTheStoreHas) {
  look(*make());
  const auto next = make();
  EXPECT_EQ(served(*next), file());
  look(*next);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, RenewsAfterTwoThirdsOfTheLifetimeWithAnotherKey) {
  for (const hours life : {hours(24 * 90), hours(24 * 6)}) {
    authority_.behaviour.lifetime = life;
    const auto renewer = make();
    if (life == hours(24 * 6)) now_ += hours(24 * 90);
    look(*renewer);
    const std::string first = served(*renewer);
    const auto orders = authority_.orders().size();
    now_ += life * 2 / 3 - minutes(1);
    look(*renewer);
    EXPECT_EQ(authority_.orders().size(), orders);
    now_ += minutes(2);
    look(*renewer);
    EXPECT_EQ(authority_.orders().size(), orders + 1);
    const std::string second = served(*renewer);
    EXPECT_NE(first.substr(0, first.find("-----END")), second.substr(0, second.find("-----END")));
  }
}

TEST_F(RenewerTest, FollowsTheAdviceOfTheAuthority) {
  const auto renewer = make();
  authority_.behaviour.window = RenewalWindow{now_ + hours(100), now_ + hours(102), ""};
  look(*renewer);  // gets the certificate
  look(*renewer);  // gets the advice
  EXPECT_EQ(status_of(*renewer).renew_at,
            std::chrono::floor<std::chrono::seconds>(now_) + hours(100));
  EXPECT_EQ(authority_.count("/info"), 1);
  now_ += hours(7);
  authority_.behaviour.window = RenewalWindow{now_ - hours(2), now_ - hours(1), ""};
  look(*renewer);  // the authority advises to renew at once
  look(*renewer);
  EXPECT_EQ(authority_.count("/info"), 2);
  ASSERT_EQ(authority_.orders().size(), 2U);
  EXPECT_TRUE(authority_.orders()[1].contains("replaces"));
  EXPECT_FALSE(authority_.orders()[0].contains("replaces"));
}

TEST_F(RenewerTest, LimitsOrdersIfTheAuthorityAlwaysAdvisesRenewal) {
  const auto renewer = make();
  authority_.behaviour.window = RenewalWindow{now_ - hours(2), now_ - hours(1), ""};
  for (int i = 0; i < 5; ++i)
    look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
  now_ += hours(6);
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 2U);
}

TEST_F(RenewerTest, LimitsOrdersIfTheClockIsAhead) {
  const auto renewer = make();
  authority_.now = now_ - hours(24 * 70);
  for (int i = 0; i < 5; ++i)
    run_task(reactor_, renewer->look());
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, BacksOffAfterFailures) {
  authority_.behaviour.is_down = true;
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).failures, 1U);
  EXPECT_EQ(*status_of(*renewer).next_attempt, now_ + minutes(1));
  now_ += minutes(1);
  look(*renewer);
  EXPECT_EQ(*status_of(*renewer).next_attempt, now_ + minutes(2));
  const int asked = authority_.count("/dir");
  now_ += minutes(1);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).failures, 2U);
  EXPECT_EQ(authority_.count("/dir"), asked);
  authority_.behaviour.is_down = false;
  now_ += minutes(1);
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
  EXPECT_EQ(status_of(*renewer).failures, 0U);
  EXPECT_THAT(log_, Contains(Pair(Urgency::error, HasSubstr("the next attempt is at"))));
}

TEST_F(RenewerTest, BacksOffAfterAnException) {
  settings_.email = "\xff@example.org";  // cannot be written as JSON
  const auto renewer = make();
  look(*renewer);
  look(*renewer);
  EXPECT_EQ(authority_.count("/dir"), 1);
  EXPECT_EQ(status_of(*renewer).failures, 1U);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("UTF-8"));
}

TEST_F(RenewerTest, ReloadsTrustedAuthoritiesAfterAFailure) {
  authority_.behaviour.is_down = true;
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(transports_, 1);
  now_ += minutes(1);
  look(*renewer);
  EXPECT_EQ(transports_, 2);
}

TEST_F(RenewerTest, HonoursARateLimit) {
  authority_.behaviour.refusals["/order"] = {429, "rateLimited", "86400"};
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(*status_of(*renewer).next_attempt, now_ + hours(24));
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("rateLimited: the test says no"));
}

TEST_F(RenewerTest, KeepsTheOldCertificateAndWarnsWhileTheAuthorityIsDown) {
  const auto renewer = make();
  look(*renewer);
  const std::string first = served(*renewer);
  authority_.behaviour.is_down = true;
  now_ += hours(24 * 61);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).urgency, Urgency::warning);
  EXPECT_THAT(log_, Contains(Pair(Urgency::warning, HasSubstr("a.example"))));
  now_ += hours(24 * 21);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).urgency, Urgency::error);
  EXPECT_THAT(log_, Contains(Pair(Urgency::error, HasSubstr("could not be renewed yet"))));
  EXPECT_EQ(served(*renewer), first);
  authority_.behaviour.is_down = false;
  now_ += hours(7);
  look(*renewer);
  EXPECT_NE(served(*renewer), first);
}

TEST_F(RenewerTest, TheOtherChallengeIsTriedWhenTheFirstOneFails) {
  authority_.behaviour.failing_challenges = {"http-01"};
  const auto renewer = make();
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
  EXPECT_EQ(authority_.orders().size(), 2U);
}

TEST_F(RenewerTest, TheNextAuthorityIssuesWhenTheFirstDoesNot) {
  settings_.authorities.push_back(authorities_->second.directory());
  authority_.behaviour.refusals["/account"] = {403, "unauthorized", ""};
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).authority, "second.test");
}

TEST_F(RenewerTest, TheRateLimitOfOneAuthorityDoesNotDelayTheNext) {
  settings_.authorities.push_back(authorities_->second.directory());
  authority_.behaviour.refusals["/order"] = {429, "rateLimited", "864000"};
  authorities_->second.behaviour.is_down = true;
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(*status_of(*renewer).next_attempt, now_ + minutes(1));
  const int asked = authority_.count("/order");
  authorities_->second.behaviour.is_down = false;
  now_ += minutes(1);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).authority, "second.test");
  EXPECT_EQ(authority_.count("/order"), asked);
}

TEST_F(RenewerTest, ToleratesRejectedNoncesAndASlowOrder) {
  authority_.behaviour.bad_nonces = 5;
  authority_.behaviour.processing_looks = 3;
  const auto renewer = make();
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
}

TEST_F(RenewerTest, FailsIfTheAuthorityRejectsEveryNonceOrSendsNonsense) {
  authority_.behaviour.bad_nonces = 1000;
  const auto renewer = make();
  look(*renewer);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("badNonce"));
  authority_.behaviour.sends_nonsense = true;
  const auto other = make();
  now_ += hours(1);
  look(*other);
  EXPECT_EQ(status_of(*other).failures, 2U);
  EXPECT_FALSE(status_of(*other).has_certificate);
}

TEST_F(RenewerTest, ReportsTheReasonOfARefusalAtAnyStep) {
  for (const char* const step : {"/dir", "/account", "/order", "/authorization", "/challenge",
                                 "/finalize", "/certificate"}) {
    authority_.behaviour = {};
    authority_.behaviour.refusals[step] = {403, "badCSR", ""};
    const auto renewer = make();
    now_ += hours(1);
    look(*renewer);
    EXPECT_FALSE(status_of(*renewer).has_certificate) << step;
    EXPECT_THAT(status_of(*renewer).problem, HasSubstr("403, badCSR: the test says no")) << step;
  }
}

TEST_F(RenewerTest, DoesNotUseAUrlWithoutTls) {
  authority_.behaviour.scheme = "http";
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(authority_.count("/order"), 0);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("no https:// URL of the account"));
}

TEST_F(RenewerTest, DoesNotProveANameThatWasNotOrdered) {
  settings_.challenges = {"tls-alpn-01"};
  authority_.behaviour.other_name = "../certificates/b.example";
  const auto renewer = make();
  std::ofstream(folder_ + "/acme/certificates/b.example.pem") << "a pair\n";
  look(*renewer);
  EXPECT_EQ(authority_.count("/challenge"), 0);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("a name that was not ordered"));
  EXPECT_TRUE(fs::exists(folder_ + "/acme/certificates/b.example.pem"));
}

TEST_F(RenewerTest, AnOrderThatNeverCompletesTimesOut) {
  authority_.behaviour.processing_looks = 1'000'000;
  patience_ = std::chrono::milliseconds(50);
  const auto renewer = make();
  look(*renewer);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("timed out (while the authority"));
}

TEST_F(RenewerTest, LimitsTheTotalTimeOfAnAttempt) {
  authority_.behaviour.processing_looks = 1'000'000;
  longest_ = std::chrono::milliseconds(50);
  const auto renewer = make();
  look(*renewer);
  EXPECT_THAT(status_of(*renewer).problem,
              HasSubstr("timed out (while the authority issued a certificate"));
}

TEST_F(RenewerTest, RefusesMoreAuthorizationsThanNames) {
  authority_.behaviour.authorizations = 100;
  const auto renewer = make();
  look(*renewer);
  EXPECT_EQ(authority_.count("/authorization"), 0);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("more proofs than names"));
}

TEST_F(RenewerTest, WarnsDuringASlowAttempt) {
  patience_ = std::chrono::milliseconds(500);
  const auto renewer = make();
  look(*renewer);
  std::ofstream(folder_ + "/acme/requests/renew-a.example") << "now\n";
  authority_.behaviour.processing_looks = 1'000'000;
  authority_.on_look = [this](const std::string&, const std::string&) { now_ += hours(24 * 85); };
  look(*renewer);
  EXPECT_THAT(log_, Contains(Pair(Urgency::error, HasSubstr("could not be renewed yet"))));
}

TEST_F(RenewerTest, AProfileMustBeOfferedByTheAuthority) {
  settings_.profile = "missing";
  const auto renewer = make();
  look(*renewer);
  EXPECT_THAT(status_of(*renewer).problem, HasSubstr("no profile 'missing'; it has short"));
  settings_.profile = "short";
  renewer->set(settings_);
  now_ += minutes(1);
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
  EXPECT_EQ(authority_.orders().at(0)["profile"], "short");
}

TEST_F(RenewerTest, ARequestOfAnotherProcessRenewsAtOnce) {
  const auto renewer = make();
  look(*renewer);
  const std::string first = served(*renewer);
  std::ofstream(folder_ + "/acme/requests/renew-a.example") << "now\n";
  look(*renewer);
  EXPECT_NE(served(*renewer), first);
  look(*renewer);
  EXPECT_EQ(renewer->counts().obtained, 2U);
}

// As after a revocation: otherwise the old certificate would be served until its normal renewal.
TEST_F(RenewerTest, RetriesAFailedRequest) {
  const auto renewer = make();
  look(*renewer);
  const std::string first = served(*renewer);
  authority_.behaviour.is_down = true;
  std::ofstream(folder_ + "/acme/requests/renew-a.example") << "now\n";
  look(*renewer);
  EXPECT_EQ(*status_of(*renewer).next_attempt, now_ + minutes(1));
  authority_.behaviour.is_down = false;
  look(*renewer);
  EXPECT_EQ(served(*renewer), first);
  now_ += minutes(1);
  look(*renewer);
  EXPECT_NE(served(*renewer), first);
}

TEST_F(RenewerTest, RemovesARequestForAnUnknownNameAfterADay) {
  const auto renewer = make();
  const std::string request = folder_ + "/acme/requests/renew-b.example";
  std::ofstream(request) << "now\n";
  look(*renewer);
  now_ += hours(23);
  look(*renewer);
  EXPECT_TRUE(fs::exists(request));
  now_ += hours(2);
  look(*renewer);
  EXPECT_FALSE(fs::exists(request));
  look(*renewer);
  std::ofstream(request) << "again\n";
  look(*renewer);
  EXPECT_TRUE(fs::exists(request));
}

TEST_F(RenewerTest, AProcessWithoutTheLockRenewsNothing) {
  const auto renewer = make();
  auto other = FileStore::open(folder_ + "/acme");
  auto lock = (*other)->try_lock();
  ASSERT_TRUE(lock && *lock);
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 0U);
  lock->reset();
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, AProcessThatLosesTheLockStopsAtOnceAndKeepsServing) {
  const auto renewer = make();
  const std::string first = served(*renewer);
  authority_.behaviour.processing_looks = 1'000'000;
  authority_.on_look = [this](const std::string&, const std::string&) {
    std::ofstream(folder_ + "/acme/lock") << "another.machine 0123456789abcdef 1\n";
  };
  look(*renewer);
  EXPECT_THAT(log_, Contains(Pair(Urgency::warning, HasSubstr("has taken the lock"))));
  EXPECT_EQ(served(*renewer), first);
  EXPECT_EQ(status_of(*renewer).failures, 0U);
  EXPECT_EQ(renewer->challenges()->response_to("a.example", std::string(32, 'A')), "");
  look(*renewer);  // the other holder may still live
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, ALockThatCannotBeWrittenIsNotReportedAsTaken) {
  const auto renewer = make();
  authority_.behaviour.processing_looks = 1'000'000;
  std::optional<FullDisk> full;
  authority_.on_look = [&](const std::string&, const std::string&) { full.emplace(0); };
  look(*renewer);
  full.reset();
  EXPECT_THAT(log_, Contains(Pair(Urgency::error, HasSubstr("/acme/lock: it cannot be written"))));
  EXPECT_THAT(log_, Not(Contains(Pair(_, HasSubstr("another process")))));
}

TEST_F(RenewerTest, AProcessThatLosesTheLockLeavesTheRequestToTheNextOne) {
  const auto renewer = make();
  look(*renewer);
  const std::string request = folder_ + "/acme/requests/renew-a.example";
  std::ofstream(request) << "now\n";
  authority_.on_look = [this](const std::string&, const std::string&) {
    std::ofstream(folder_ + "/acme/lock") << "another.machine 0123456789abcdef 1\n";
  };
  authority_.behaviour.processing_looks = 1'000'000;
  look(*renewer);
  EXPECT_TRUE(fs::exists(request));
}

TEST_F(RenewerTest, AProcessThatLosesTheLockLeavesTheChallengesOfTheNextHolder) {
  settings_.challenges = {"tls-alpn-01"};
  authority_.behaviour.processing_looks = 1'000'000;
  const std::string pair = *make_challenge_pair("a.example", "AAAA.thumbprint", now_);
  authority_.on_look = [&](const std::string&, const std::string&) {
    const auto next = FileStore::view(folder_ + "/acme");
    ASSERT_TRUE(next->save("lock", "another.machine 0123456789abcdef 1\n"));
    ASSERT_TRUE(next->save("challenges/a.example.pem", pair));
    ASSERT_TRUE(next->save("challenges/open", to_rfc3339(now_ + hours(23))));
  };
  const auto renewer = make();
  look(*renewer);
  EXPECT_THAT(log_, Contains(Pair(Urgency::warning, HasSubstr("has taken the lock"))));
  look(*renewer);
  EXPECT_EQ(renewer->challenges()->pair_for("a.example"), pair);
}

TEST_F(RenewerTest, UsesAndRenewsACertificateOfAnotherProgram) {
  const auto pair = make_placeholder("a.example", now_);
  const auto renewer = make();
  std::ofstream(folder_ + "/acme/certificates/a.example.pem") << *pair;
  look(*renewer);
  EXPECT_EQ(served(*renewer), *pair);
  EXPECT_EQ(authority_.orders().size(), 0U);
  now_ += hours(24 * 61);
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

TEST_F(RenewerTest, AFileThatCannotBeUsedIsReportedOnceAndChangesNothing) {
  const auto renewer = make();
  look(*renewer);
  const std::string first = served(*renewer);
  log_.clear();
  std::ofstream(folder_ + "/acme/certificates/a.example.pem") << "nonsense\n";
  look(*renewer);
  look(*renewer);
  EXPECT_EQ(served(*renewer), first);
  EXPECT_THAT(log_, ElementsAre(Pair(Urgency::error, HasSubstr("a.example.pem: no certificate"))));
}

TEST_F(RenewerTest, AClockThatWasWrongDoesNotDelayTheNextAttempt) {
  authority_.behaviour.is_down = true;
  const auto renewer = make();
  now_ += hours(24 * 365);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).failures, 1U);
  now_ -= hours(24 * 365);
  authority_.behaviour.is_down = false;
  look(*renewer);
  EXPECT_TRUE(status_of(*renewer).has_certificate);
}

TEST_F(RenewerTest, AClockThatWasWrongDoesNotSilenceTheWarning) {
  const auto renewer = make();
  look(*renewer);
  authority_.behaviour.is_down = true;
  now_ += hours(24 * 85);
  look(*renewer);
  now_ -= hours(24 * 20);
  log_.clear();
  look(*renewer);
  EXPECT_THAT(log_, Contains(Pair(Urgency::warning, HasSubstr("could not be renewed yet"))));
}

TEST_F(RenewerTest, RegistersAgainIfTheAuthorityForgotTheAccount) {
  const auto renewer = make();
  look(*renewer);
  authority_.behaviour.forgets_account = true;
  std::ofstream(folder_ + "/acme/requests/renew-a.example") << "now\n";
  look(*renewer);
  EXPECT_EQ(renewer->counts().obtained, 2U);
  EXPECT_EQ(authority_.count("/account"), 2);
}

TEST_F(RenewerTest, NeedsAnExternalAccountForTheFirstRequestOnly) {
  authority_.behaviour.is_for_customers = true;
  look(*make());
  EXPECT_EQ(authority_.orders().size(), 0U);
  settings_.external = ExternalAccount{.id = "kid-1", .key = std::string(32, 'k')};
  const auto renewer = make();
  now_ += hours(1);
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
  settings_.external.reset();
  const auto next = make();
  std::ofstream(folder_ + "/acme/requests/renew-a.example") << "now\n";
  look(*next);
  EXPECT_EQ(authority_.orders().size(), 2U);
}

TEST_F(RenewerTest, RetriesAFailureSoonerAfterARestart) {
  authority_.behaviour.is_down = true;
  const auto renewer = make();
  for (int i = 0; i < 8; ++i) {
    look(*renewer);
    now_ = *status_of(*renewer).next_attempt;
  }
  look(*renewer);  // the next attempt is in four hours
  now_ += minutes(14);
  const auto next = make();
  look(*next);
  EXPECT_EQ(status_of(*next).failures, 9U);
  now_ += minutes(1);
  look(*next);
  EXPECT_EQ(status_of(*next).failures, 10U);
  now_ += minutes(15);
  look(*next);
  EXPECT_EQ(status_of(*next).failures, 10U);
}

TEST_F(RenewerTest, OrdersNothingIfTheStoreIsNotWritable) {
  const auto renewer = make();
  fs::remove_all(folder_ + "/acme/requests");
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 0U);
  EXPECT_EQ(status_of(*renewer).failures, 1U);
}

}  // namespace
}  // namespace onehop::acme
