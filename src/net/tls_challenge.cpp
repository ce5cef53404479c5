// SPDX-License-Identifier: Apache-2.0
#include "net/tls_challenge.hpp"

#include "net/tls_handles.hpp"
#include "net/tls_key_pair.hpp"
#include "net/tls_settings.hpp"

namespace onehop {

std::optional<TlsCertificate> TlsCertificateSource::challenge_certificate(std::string_view) const {
  return std::nullopt;
}

}  // namespace onehop

namespace onehop::net {
namespace {

// The extension's content: the list's size, then the name's size and the name.
constexpr std::string_view kExtension = std::string_view(
    "\x00\x0b\x0a"
    "acme-tls/1",
    13);

std::string_view extension_of(SSL* ssl, unsigned type) noexcept {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, type, &data, &size) != 1) return {};
  return {reinterpret_cast<const char*>(data), size};
}

int select_protocol(
    SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned, void*) {
  *out = reinterpret_cast<const unsigned char*>(kChallengeProtocol.data());
  *size = static_cast<unsigned char>(kChallengeProtocol.size());
  return SSL_TLSEXT_ERR_OK;
}

// Replaces the server's callback, which would choose another certificate.
int accept_name(SSL*, int*, void*) {
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

bool is_challenge(ssl_st* ssl) noexcept {
  return extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation) == kExtension;
}

// The extension is a list of one name of type 0 (RFC 6066 §3).
std::string name_in_hello(ssl_st* ssl) {
  constexpr std::size_t kBefore = 5;  // the size of the list, the type, and the size of the name
  const std::string_view extension = extension_of(ssl, TLSEXT_TYPE_server_name);
  if (extension.size() <= kBefore || extension[2] != 0) return {};
  const std::size_t size = static_cast<unsigned char>(extension[3]) * std::size_t{256} +
                           static_cast<unsigned char>(extension[4]);
  if (size != extension.size() - kBefore) return {};
  return std::string(extension.substr(kBefore));
}

bool answer_challenge(ssl_st* ssl, const TlsCertificate& certificate) {
  const auto pair = read_key_pair(certificate);
  if (!pair) return false;
  const auto context = make_ssl_context(TLS_server_method());
  if (!context || !use_key_pair(context->get(), *pair)) return false;
  SSL_CTX_set_alpn_select_cb(context->get(), &select_protocol, nullptr);
  SSL_CTX_callback_ctrl(context->get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&accept_name));
  // Issues no session, because resuming it would use this certificate.
  SSL_set_options(ssl, SSL_OP_NO_TICKET);
  SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);  // an authority has no certificate of its own
  return SSL_set_num_tickets(ssl, 0) == 1 && SSL_set_SSL_CTX(ssl, context->get()) != nullptr;
}

}  // namespace onehop::net
