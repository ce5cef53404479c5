// SPDX-License-Identifier: Apache-2.0
#include "acme/jws.hpp"

#include "acme/base64url.hpp"
#include "base/json_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace onehop::acme {
namespace {

constexpr std::size_t kMinimumMacKey = 16;

void add_member(std::string& json, std::string_view name, std::string_view text) {
  json += json.empty() ? '{' : ',';
  append_json_string(json, name);
  json += ':';
  append_json_string(json, text);
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kSpace); at != text.npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::string flattened(std::string_view header,
                      std::string_view payload,
                      std::string_view signature) {
  std::string json;
  add_member(json, "protected", header);
  add_member(json, "payload", payload);
  add_member(json, "signature", signature);
  return json + "}";
}

}  // namespace

std::string jwk_of(const PrivateKey& account) {
  std::string json;
  add_member(json, "crv", "P-256");
  add_member(json, "kty", "EC");
  add_member(json, "x", to_base64url(account.x()));
  add_member(json, "y", to_base64url(account.y()));
  return json + "}";
}

std::string thumbprint_of(const PrivateKey& account) {
  return to_base64url(sha256(jwk_of(account)));
}

Result<std::string> sign(const PrivateKey& account,
                         const SignedHeader& header,
                         std::string_view payload) {
  std::string json;
  add_member(json, "alg", "ES256");
  if (header.account_url.empty()) {
    json += ",\"jwk\":" + jwk_of(account);
  } else {
    add_member(json, "kid", header.account_url);
  }
  add_member(json, "nonce", header.nonce);
  add_member(json, "url", header.url);
  json += '}';
  const std::string protected_part = to_base64url(json);
  const std::string payload_part = to_base64url(payload);
  auto signature = account.sign_es256(protected_part + "." + payload_part);
  if (!signature) return failure(std::move(signature.error()));
  return flattened(protected_part, payload_part, to_base64url(*signature));
}

Result<ExternalAccount> parse_external_account(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != 2) {
    return failure(Errc::bad_option, Side::local,
                   "it should be the id of the key, a space, and the key in base64url");
  }
  std::string_view written = words[1];
  while (written.ends_with('='))
    written.remove_suffix(1);
  auto key = from_base64url(written);
  if (!key || key->size() < kMinimumMacKey) {
    return failure(Errc::bad_option, Side::local,
                   "the second word is not a key of 16 bytes or more in base64url");
  }
  return ExternalAccount{.id = std::string(words[0]), .key = std::move(*key)};
}

std::string external_binding(const ExternalAccount& external,
                             const PrivateKey& account,
                             std::string_view new_account_url) {
  std::string json;
  add_member(json, "alg", "HS256");
  add_member(json, "kid", external.id);
  add_member(json, "url", new_account_url);
  json += '}';
  const std::string protected_part = to_base64url(json);
  const std::string payload_part = to_base64url(jwk_of(account));
  const std::string signature = hmac_sha256(external.key, protected_part + "." + payload_part);
  return flattened(protected_part, payload_part, to_base64url(signature));
}

}  // namespace onehop::acme
