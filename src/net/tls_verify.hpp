// SPDX-License-Identifier: Apache-2.0
//
// Describes why a peer's certificate is refused: which certificate, the reason, and the names in
// it. OpenSSL calls on_verify() during a handshake, and the TlsStream keeps the text. Thread: any.
#pragma once

#include "net/tls_handles.hpp"

#include <string>

namespace onehop::net {

// For SSL_CTX_set_verify. Returns `verdict`, and passes the first refusal to the TlsStream.
int on_verify(int verdict, X509_STORE_CTX* store);

// Returns a description such as "hostname mismatch: it is for a.example, not for b.example".
// `certificate` may be null.
std::string describe_refusal(int error, X509* certificate, const std::string& wanted);

}  // namespace onehop::net
