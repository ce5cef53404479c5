// SPDX-License-Identifier: Apache-2.0
//
// The handshake by which an authority verifies that a server answers for a name (tls-alpn-01,
// RFC 8737): the client offers "acme-tls/1" and no other protocol. For callbacks of OpenSSL, before
// a certificate is chosen.
// Thread: owner.
#pragma once

#include <onehop/tls.hpp>

#include <string>
#include <string_view>

struct ssl_st;

namespace onehop::net {

// The protocol of such a connection, on which nothing is served.
inline constexpr std::string_view kChallengeProtocol = "acme-tls/1";

// Both look into the client's first message.
bool is_challenge(ssl_st* ssl) noexcept;
// "" if there is none.
std::string name_in_hello(ssl_st* ssl);

// Makes the handshake go on with this certificate alone. Returns false if it cannot be used.
bool answer_challenge(ssl_st* ssl, const TlsCertificate& certificate);

}  // namespace onehop::net
