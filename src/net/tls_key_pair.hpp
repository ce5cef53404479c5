// SPDX-License-Identifier: Apache-2.0
//
// TlsKeyPair is a certificate with its chain and private key. It is read from files and checked for
// consistency, or generated. Thread: any; constant.
#pragma once

#include <onehop/error.hpp>
#include <onehop/tls.hpp>

#include "net/small_file.hpp"
#include "net/tls_handles.hpp"

#include <string>
#include <vector>

namespace onehop::net {

struct TlsKeyPair {
  X509Handle certificate;
  std::vector<X509Handle> chain;
  KeyHandle key;
  TlsCertificateInfo info;
  std::string place;    // the file of the certificate, or a name for it in messages
  std::string warning;  // "" if there is none. A certificate that has expired is still used.
};

// Reads and checks a pair. Errors: Errc::bad_option; the detail names the file, the problem and a
// remedy.
Result<TlsKeyPair> read_key_pair(const TlsCertificate& source,
                                 FileKinds kinds = FileKinds::regular);
// Generates a pair (ECDSA P-256) for "localhost", the name of this machine and the loopback
// addresses. Errors: Errc::bad_option.
Result<TlsKeyPair> make_self_signed_pair();
// Reads the certificates in a file of authorities. Errors: as read_key_pair.
Result<std::vector<X509Handle>> read_certificates(const std::string& file, FileKinds kinds);

// Returns the names in a certificate: its subject alternative names, or if it has none, its common
// name.
std::vector<std::string> names_of(X509* certificate);
// Returns the certificate's SHA-256 as "AB:CD:...", or "" if memory is short.
std::string fingerprint_of(const X509* certificate);
// Returns "2026-11-23 12:00 UTC".
std::string date_of(const ASN1_TIME* time);

}  // namespace onehop::net
