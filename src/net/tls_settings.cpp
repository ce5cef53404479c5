// SPDX-License-Identifier: Apache-2.0
#include "net/tls_settings.hpp"

#include "net/tls_key_pair.hpp"
#include "net/tls_reason.hpp"

#include <utility>

namespace onehop::net {
namespace {

// AES-128 is first: it is the fastest with hardware support, and sufficient.
constexpr const char* kTls13Ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
// One system call reads several records. OpenSSL frees the buffer as soon as it is empty.
constexpr std::size_t kReadBuffer = std::size_t{32} * 1024;

}  // namespace

Error tls_option_error(const std::string& what) {
  const std::string reason = take_tls_reason(TlsErrorIn::file);
  return Error(Errc::bad_option, Side::local, reason.empty() ? what : what + ": " + reason);
}

Result<SslContextHandle> make_ssl_context(const SSL_METHOD* method) {
  forget_tls_errors();
  SslContextHandle context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kTls12Ciphers) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), kTls13Ciphers) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), kGroups) != 1) {
    return failure(tls_option_error("TLS cannot be set up"));
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
  // NO_AUTO_CHAIN: only the given chain is sent, without authorities of client certificates.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadBuffer);
  return context;
}

std::string on_the_wire(const TlsProtocols& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

Result<void> use_key_pair(SSL_CTX* context, const TlsKeyPair& pair) {
  forget_tls_errors();
  if (SSL_CTX_use_certificate(context, pair.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, pair.key.get()) != 1) {
    const std::string name = pair.info.names.empty() ? "?" : pair.info.names.front();
    return failure(
        tls_option_error(pair.place + ": the certificate for " + name + " cannot be used"));
  }
  SSL_CTX_clear_chain_certs(context);
  for (const X509Handle& one : pair.chain) {
    if (SSL_CTX_add1_chain_cert(context, one.get()) != 1) {
      return failure(tls_option_error(pair.place + ": the certificate chain cannot be used"));
    }
  }
  return {};
}

}  // namespace onehop::net
