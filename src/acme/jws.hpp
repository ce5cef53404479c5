// SPDX-License-Identifier: Apache-2.0
//
// The signed form of a request to an authority: a JSON Web Signature (RFC 7515) with the header
// fields of RFC 8555 §6.2. All requests are signed by ES256 with the key of the account.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "acme/private_key.hpp"

#include <string>
#include <string_view>

namespace onehop::acme {

// Returns the public key in the canonical form (RFC 7638), which is also valid JSON for a header.
std::string jwk_of(const PrivateKey& account);
// Returns the thumbprint of an account key. The response to an http-01 challenge is the token, a
// dot, and the thumbprint, so it needs no other state (RFC 8555 §8.1).
std::string thumbprint_of(const PrivateKey& account);

struct SignedHeader {
  std::string_view url;
  std::string_view nonce;
  std::string_view account_url = {};  // "": the header has the key instead, as for a new account
};
// `payload` is JSON, or "" for a POST-as-GET (§6.3).
Result<std::string> sign(const PrivateKey& account,
                         const SignedHeader& header,
                         std::string_view payload);

// An account that the customer has with the authority outside of ACME (§7.3.4).
struct ExternalAccount {
  std::string id;
  std::string key;  // the bytes of the MAC key

  friend bool operator==(const ExternalAccount&, const ExternalAccount&) = default;
};
// Reads "ID KEY", with the key in base64url. Returns Errc::bad_option if the text has another form.
Result<ExternalAccount> parse_external_account(std::string_view text);
std::string external_binding(const ExternalAccount& external,
                             const PrivateKey& account,
                             std::string_view new_account_url);

}  // namespace onehop::acme
