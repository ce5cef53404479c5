// SPDX-License-Identifier: Apache-2.0
//
// Certificates as PEM text: what ACME needs to know of one that it got, and the certificates that
// it makes itself. A pair is a text with the private key first and then the chain, as `--tls` reads
// it.
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
  std::vector<std::string> names;  // of DNS, in lower case
  WallTime not_before;
  WallTime not_after;
  std::string sha256;  // the fingerprint: "AB:CD:..."
  // Of the certificate in questions about its renewal (RFC 9773 §4.1); "" if it has no key
  // identifier of its authority.
  std::string renewal_id;
  bool is_self_signed = false;
};

// At most this many certificates are read from a text.
inline constexpr std::size_t kMaxChain = 10;

// Of the first certificate in a text. Errors: Errc::bad_option.
Result<CertificateFacts> facts_of(std::string_view pem);
// The facts of a pair that a server can use: the key belongs to the certificate, the certificate
// has the name, and the rest of the chain is well-formed and strong enough. Errors:
// Errc::bad_option.
Result<CertificateFacts> check_pair(std::string_view pem, std::string_view name);
// The private key of a pair, followed by a chain; the PEM text of the chain alone may have other
// things in it, which are left out. Errors: Errc::bad_option, as of check_pair().
Result<std::string> make_pair(const PrivateKey& key, std::string_view chain, std::string_view name);
// The first certificate in DER.
Result<std::string> der_of(std::string_view pem);

// A certification request (RFC 2986) for the names, in DER.
Result<std::string> make_request(std::span<const std::string> names, const PrivateKey& key);
// A pair with a self-signed certificate, for the time until there is a better one.
Result<std::string> make_placeholder(const std::string& name, WallTime now);
// The pair that is the response to a tls-alpn-01 challenge (RFC 8737 §3).
Result<std::string> make_challenge_pair(const std::string& name,
                                        std::string_view key_authorization,
                                        WallTime now);

}  // namespace onehop::acme
