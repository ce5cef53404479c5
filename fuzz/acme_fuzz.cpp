// SPDX-License-Identifier: Apache-2.0
//
// Reads documents, fields, tokens and chains of an authority. An accepted text keeps the limits,
// and a state that was read reads the same after it is written. Input: a byte that chooses the
// reader, and the text.

#include "acme/base64url.hpp"
#include "acme/certificates.hpp"
#include "acme/jws.hpp"
#include "acme/messages.hpp"
#include "acme/renewal_state.hpp"
#include "base/check.hpp"
#include "base/utf8.hpp"
#include "fuzz_one.hpp"

#include <string>
#include <string_view>

namespace onehop::fuzz {
namespace {

void check_url(const std::string& url) {
  ONEHOP_CHECK(url.starts_with("https://") && url.size() <= acme::kMaxUrl);
}

void check_for_people(const std::string& text) {
  ONEHOP_CHECK(text.size() <= acme::kMaxDetail && is_utf8(text));
  ONEHOP_CHECK(text.find_first_of("\r\n") == std::string::npos);
}

void read_directory(std::string_view text) {
  const auto directory = acme::parse_directory(text);
  if (!directory) return;
  check_url(directory->new_nonce);
  check_url(directory->new_account);
  check_url(directory->new_order);
  ONEHOP_CHECK(directory->profiles.size() <= acme::kMaxListed);
  check_for_people(directory->terms);
}

void read_order(std::string_view text) {
  const auto order = acme::parse_order(text);
  if (!order) return;
  ONEHOP_CHECK(order->authorizations.size() <= acme::kMaxListed);
  for (const std::string& one : order->authorizations)
    check_url(one);
  check_url(order->finalize);
  if (order->problem) check_for_people(order->problem->detail);
}

void read_authorization(std::string_view text) {
  const auto authorization = acme::parse_authorization(text);
  if (!authorization) return;
  ONEHOP_CHECK(authorization->challenges.size() <= acme::kMaxListed);
  for (const acme::Challenge& one : authorization->challenges) {
    check_url(one.url);
    ONEHOP_CHECK(one.token.empty() || acme::is_token(one.token));
  }
}

void read_problem(std::string_view text) {
  const acme::Problem problem = acme::parse_problem(text);
  check_for_people(problem.type);
  check_for_people(problem.detail);
}

void read_window(std::string_view text) {
  const auto window = acme::parse_renewal_window(text);
  ONEHOP_CHECK(!window || window->start < window->end);
}

void read_state(std::string_view text) {
  const std::string written = acme::RenewalState::parse(text).to_json();
  ONEHOP_CHECK(acme::RenewalState::parse(written).to_json() == written);
}

void read_times(std::string_view text) {
  const acme::WallTime now{std::chrono::hours(24 * 365 * 56)};
  if (const auto wait = acme::parse_retry_after(text, now)) {
    ONEHOP_CHECK(*wait >= std::chrono::seconds(0) && *wait <= acme::kLongestWait);
  }
  if (const auto time = acme::parse_rfc3339(text)) {
    const auto again = acme::parse_rfc3339(acme::to_rfc3339(*time));
    ONEHOP_CHECK(again && *again == *time);
  }
}

void read_base64url(std::string_view text) {
  const auto bytes = acme::from_base64url(text);
  ONEHOP_CHECK(!bytes || acme::to_base64url(*bytes) == text);
  ONEHOP_CHECK(acme::from_base64url(acme::to_base64url(text)) == text);
}

void read_chain(std::string_view text) {
  const auto facts = acme::facts_of(text);
  if (!facts) return;
  ONEHOP_CHECK(acme::der_of(text).has_value());
  (void)acme::check_pair(text, "a.example");
}

void read_external_account(std::string_view text) {
  const auto account = acme::parse_external_account(text);
  ONEHOP_CHECK(!account || (!account->id.empty() && account->key.size() >= 16));
}

constexpr void (*kReaders[])(std::string_view) = {
    &read_directory, &read_order, &read_authorization, &read_problem, &read_window,
    &read_state,     &read_times, &read_base64url,     &read_chain,   &read_external_account};

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const std::uint8_t reader = take_byte(input);
  if (reader >= '0' && reader <= '9') kReaders[reader - '0'](input);
}

}  // namespace onehop::fuzz
