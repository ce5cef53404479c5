// SPDX-License-Identifier: Apache-2.0
//
// TlsKeyPair: a certificate, the chain that comes with it and the private key, read and checked
// against each other; or made on the spot. Immutable once read.
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
  std::string place;    // the file of the certificate, or what stands for it in a message
  std::string warning;  // "": nothing is wrong. A certificate that has expired is still usable.
};

// Errors: Errc::bad_option, whose detail names the file, what is wrong with it and what helps.
Result<TlsKeyPair> read_key_pair(const TlsCertificate& source,
                                 FileKinds kinds = FileKinds::regular);
// ECDSA P-256, for "localhost", the name of this machine and the loopback addresses.
Result<TlsKeyPair> make_self_signed_pair();
// The certificates in a file of authorities; the same errors.
Result<std::vector<X509Handle>> read_certificates(const std::string& file, FileKinds kinds);

// The names a certificate is for: of the subject's alternatives, or the common name.
std::vector<std::string> names_of(X509* certificate);
// "2026-11-23 12:00 UTC"
std::string date_of(const ASN1_TIME* time);

}  // namespace onehop::net
