// SPDX-License-Identifier: Apache-2.0
//
// Certificates as PEM text: the facts that ACME needs about an issued certificate, and certificates
// that this process makes. A pair is a text with the private key first and then the chain, in the
// form that `--tls` reads.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "acme/private_key.hpp"
#include "acme/times.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

struct CertificateFacts {
  std::vector<std::string> names;  // DNS names, in lower case
  WallTime not_before;
  WallTime not_after;
  std::string sha256;  // the fingerprint: "AB:CD:..."
  // Identifies the certificate in requests for renewal information (RFC 9773 §4.1); "" if the
  // certificate does not have the key identifier of its authority.
  std::string renewal_id;
  bool is_self_signed = false;
};

// The maximum number of certificates that are read from a text.
inline constexpr std::size_t kMaxChain = 10;

// Returns the facts of the first certificate in a text, or Errc::bad_option.
Result<CertificateFacts> facts_of(std::string_view pem);
// Checks that a server can use a pair, and returns its facts: the key belongs to the certificate,
// the certificate has the name, and the rest of the chain is well-formed and strong enough.
// Otherwise it returns Errc::bad_option.
Result<CertificateFacts> check_pair(std::string_view pem, std::string_view name);
// Returns a pair of the key and the certificates in `chain`; other contents of `chain` are left
// out. Returns Errc::bad_option if check_pair() does.
Result<std::string> make_pair(const PrivateKey& key, std::string_view chain, std::string_view name);
// Returns the first certificate in DER.
Result<std::string> der_of(std::string_view pem);

// Returns a certification request (RFC 2986) for the names, in DER.
Result<std::string> make_request(std::span<const std::string> names, const PrivateKey& key);
// Returns a pair with a self-signed certificate, for use until there is a better one.
Result<std::string> make_placeholder(const std::string& name, WallTime now);
// Returns the pair that is served in response to a tls-alpn-01 challenge (RFC 8737 §3).
Result<std::string> make_challenge_pair(const std::string& name,
                                        std::string_view key_authorization,
                                        WallTime now);

}  // namespace onehop::acme
