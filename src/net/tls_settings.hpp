// SPDX-License-Identifier: Apache-2.0
//
// The settings that servers and clients share: versions, ciphers, groups and modes of an SSL_CTX.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"

#include <string>

namespace onehop::net {

// Makes a context for TLS 1.2 and 1.3 with forward secrecy and AEAD only (RFC 9113 §9.2), without
// renegotiation or compression. Errors: Errc::bad_option.
Result<SslContextHandle> make_ssl_context(const SSL_METHOD* method);
// Returns the protocols in the format of ALPN: each name after its size in one byte.
std::string on_the_wire(const TlsProtocols& protocols);
// Returns Errc::bad_option with `what` and OpenSSL's reason. Empties OpenSSL's queue of errors.
Error tls_option_error(const std::string& what);
// Makes `context` use the certificate, chain and key of `pair`. Errors: Errc::bad_option.
Result<void> use_key_pair(SSL_CTX* context, const TlsKeyPair& pair);

}  // namespace onehop::net
