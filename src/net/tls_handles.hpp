// SPDX-License-Identifier: Apache-2.0
//
// Owners of OpenSSL's objects. Only net/tls_* includes OpenSSL; a header of another floor may at
// most declare these types as incomplete. Thread: owner.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace onehop::net {

template <auto kFree>
struct TlsFree {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};

using SslHandle = std::unique_ptr<SSL, TlsFree<SSL_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, TlsFree<SSL_CTX_free>>;
using SslSessionHandle = std::unique_ptr<SSL_SESSION, TlsFree<SSL_SESSION_free>>;
using X509Handle = std::unique_ptr<X509, TlsFree<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, TlsFree<EVP_PKEY_free>>;
using BioHandle = std::unique_ptr<BIO, TlsFree<BIO_free>>;

// Does the work of SSL_set_tlsext_host_name, a macro with an old-style cast. Returns false if
// `name` is too long or memory is short.
inline bool ask_for_name(SSL* ssl, std::string name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}
// Returns a name in the form of RFC 4514, "CN=alice,O=Example", in bytes that a field value may
// contain. Returns "" if memory is short.
std::string text_of(const X509_NAME* name);

}  // namespace onehop::net
