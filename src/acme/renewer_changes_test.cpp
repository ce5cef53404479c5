// SPDX-License-Identifier: Apache-2.0
#include "acme/renewer.hpp"
#include "support/renewer_test.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

using RenewerChangesTest = RenewerTest;

TEST_F(RenewerChangesTest, ReplacesTheCertificateOfAnUnconfiguredAuthority) {
  const auto renewer = make();
  look(*renewer);
  settings_.authorities = {authorities_->second.directory()};
  renewer->set(settings_);
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).authority, "second.test");
  EXPECT_EQ(renewer->counts().obtained, 2U);
}

TEST_F(RenewerChangesTest, TwoProcessesWithDifferentAuthoritiesDoNotKeepOrdering) {
  const auto renewer = make();
  settings_.authorities = {authorities_->second.directory()};
  const auto other = make();
  for (int i = 0; i < 5; ++i) {
    look(*renewer);
    look(*other);
    now_ += hours(24);
  }
  EXPECT_EQ(authorities_->first.orders().size(), 1U);
  EXPECT_EQ(authorities_->second.orders().size(), 1U);
  now_ += hours(24 * 60);
  look(*renewer);
  look(*other);
  EXPECT_EQ(authorities_->first.orders().size(), 2U);
  EXPECT_EQ(authorities_->second.orders().size(), 1U);
}

TEST_F(RenewerChangesTest, AProcessThatLosesTheLockStillFollowsAChangeOfAuthority) {
  const auto renewer = make();
  look(*renewer);
  settings_.authorities = {authorities_->second.directory()};
  renewer->set(settings_);
  authorities_->second.behaviour.processing_looks = 1'000'000;
  authorities_->second.on_look = [this](const std::string&, const std::string&) {
    std::ofstream(folder_ + "/acme/lock") << "another.machine 0123456789abcdef 1\n";
  };
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).authority, "ca.test");
  authorities_->second.behaviour.processing_looks = 0;
  authorities_->second.on_look = nullptr;
  fs::remove(folder_ + "/acme/lock");
  look(*renewer);
  EXPECT_EQ(status_of(*renewer).authority, "second.test");
}

TEST_F(RenewerChangesTest, AChangeOfTheSettingsEndsTheRound) {
  settings_.names = {"a.example", "b.example"};
  const auto renewer = make();
  authority_.on_look = [&](const std::string&, const std::string&) {
    settings_.authorities = {authorities_->second.directory()};
    renewer->set(settings_);
  };
  look(*renewer);
  EXPECT_EQ(renewer->counts().obtained, 1U);
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
  EXPECT_EQ(authorities_->second.orders().size(), 2U);
}

TEST_F(RenewerChangesTest, ARequestDuringARoundComesNext) {
  settings_.names = {"a.example", "b.example", "c.example"};
  const auto renewer = make();
  authority_.on_look = [&](const std::string&, const std::string&) {
    if (authority_.orders().size() > 1) return;
    std::ofstream(folder_ + "/acme/requests/renew-c.example") << "now\n";
  };
  look(*renewer);
  EXPECT_EQ(authority_.orders().size(), 1U);
  look(*renewer);
  ASSERT_EQ(authority_.orders().size(), 3U);
  EXPECT_EQ(authority_.orders()[1]["identifiers"][0]["value"], "c.example");
  EXPECT_EQ(authority_.orders()[2]["identifiers"][0]["value"], "b.example");
}

TEST_F(RenewerChangesTest, ACertificateOfAnotherProgramIsServedDuringAnOrder) {
  settings_.names = {"a.example", "b.example"};
  patience_ = std::chrono::milliseconds(500);
  authority_.behaviour.processing_looks = 1'000'000;
  const auto pair = make_placeholder("b.example", now_);
  const auto renewer = make();
  authority_.on_look = [&](const std::string&, const std::string&) {
    std::ofstream(folder_ + "/acme/certificates/b.example.pem") << *pair;
  };
  look(*renewer);
  EXPECT_EQ(*renewer->sites({"b.example"}).at(0).pair, *pair);
  EXPECT_EQ(authority_.orders().size(), 1U);
}

}  // namespace
}  // namespace onehop::acme
