// SPDX-License-Identifier: Apache-2.0
//
// The messages of an authority: the resources of RFC 8555 §7.1, the problem documents of RFC 9457
// and the renewal information of RFC 9773, read from JSON. The texts are untrusted: their number
// and sizes are limited, and a malformed message is rejected as a whole. URLs must be https.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "acme/times.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

inline constexpr std::size_t kMaxDocument = 128UL * 1024;
inline constexpr std::size_t kMaxListed = 100;  // members of a list
inline constexpr std::size_t kMaxUrl = 2048;    // of a URL or a name
inline constexpr std::size_t kMaxDetail = 300;  // of a text for people; the rest is cut off

struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string revoke_certificate;
  std::string renewal_info;  // "": not supported
  std::string terms;         // the URL of the terms of service; "" if there is none
  std::vector<std::string> profiles;
  bool needs_external_account = false;
};
Result<Directory> parse_directory(std::string_view json);

struct Problem {
  std::string type;    // without "urn:ietf:params:acme:error:": "rateLimited"; "" if there is none
  std::string detail;  // for people, in one line

  // "rateLimited: too many certificates"
  std::string to_string() const;
};
// Accepts any content; if it is not a problem document, both members are empty.
Problem parse_problem(std::string_view json);

enum class OrderStatus : std::uint8_t { pending, ready, processing, valid, invalid };
struct Order {
  OrderStatus status = OrderStatus::pending;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // "" until the order is valid
  std::optional<Problem> problem;
};
Result<Order> parse_order(std::string_view json);

enum class ChallengeStatus : std::uint8_t { pending, processing, valid, invalid };
struct Challenge {
  std::string type;  // "http-01"
  std::string url;
  std::string token;  // "" if it has none, or one of the wrong form
  ChallengeStatus status = ChallengeStatus::pending;
  std::optional<Problem> problem;
};
enum class AuthorizationStatus : std::uint8_t { pending, valid, invalid };  // invalid: or expired
struct Authorization {
  AuthorizationStatus status = AuthorizationStatus::pending;
  std::string name;  // a DNS name, in lower case
  std::vector<Challenge> challenges;
};
Result<Authorization> parse_authorization(std::string_view json);

struct RenewalWindow {
  WallTime start;
  WallTime end;
  std::string explanation;  // a URL for people; "" if there is none

  friend bool operator==(const RenewalWindow&, const RenewalWindow&) = default;
};
Result<RenewalWindow> parse_renewal_window(std::string_view json);

// Reports whether `text` is an https URL without a user, of at most kMaxUrl bytes.
bool is_https_url(const std::string& text);

// Reports whether `text` has 22 to 128 base64url digits (RFC 8555 §8.1: at least 128 bits).
bool is_token(std::string_view text) noexcept;

}  // namespace onehop::acme
