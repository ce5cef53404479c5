// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with the certificate of a peer, in words: which certificate, why, and for which
// names it is. OpenSSL calls on_verify during a handshake; the stream keeps the text.
#pragma once

#include "net/tls_handles.hpp"

#include <string>

namespace onehop::net {

// For SSL_CTX_set_verify: changes no verdict, but tells the TlsStream about the first bad one.
int on_verify(int verdict, X509_STORE_CTX* store);

// "hostname mismatch: it is for a.example, not for b.example"
std::string describe_refusal(int error, X509* certificate, const std::string& wanted);

}  // namespace onehop::net
