// SPDX-License-Identifier: Apache-2.0
//
// The handshake with which a certificate authority verifies that a server is responsible for a name
// (tls-alpn-01, RFC 8737): the client offers "acme-tls/1" and no other protocol. These functions
// are for callbacks of OpenSSL, before a certificate is chosen.
// Thread: owner.
#pragma once

#include <onehop/tls.hpp>

#include <string>
#include <string_view>

struct ssl_st;

namespace onehop::net {

// The protocol of such a connection. No request is served on it.
inline constexpr std::string_view kChallengeProtocol = "acme-tls/1";

// Reports whether the ClientHello is that of a challenge.
bool is_challenge(ssl_st* ssl) noexcept;
// Returns the server name in the ClientHello, or "" if there is none.
std::string name_in_hello(ssl_st* ssl);

// Continues the handshake with this certificate only. Returns false if it cannot be used.
bool answer_challenge(ssl_st* ssl, const TlsCertificate& certificate);

}  // namespace onehop::net
