// SPDX-License-Identifier: Apache-2.0
//
// What both ends of TLS have in common: versions, ciphers, groups and modes of an SSL_CTX.
#pragma once

#include <onehop/error.hpp>

#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"

#include <string>

namespace onehop::net {

// TLS 1.2 and 1.3; forward secrecy and AEAD only (RFC 9113 §9.2); no renegotiation, no compression.
Result<SslContextHandle> make_ssl_context(const SSL_METHOD* method);
// The list as ALPN has it: each name behind its size.
std::string on_the_wire(const TlsProtocols& protocols);
// Errc::bad_option, with OpenSSL's reason.
Error tls_option_error(const std::string& what);
// Uses the pair with `context`.
Result<void> use_key_pair(SSL_CTX* context, const TlsKeyPair& pair);

}  // namespace onehop::net
