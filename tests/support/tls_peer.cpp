// SPDX-License-Identifier: Apache-2.0
#include "support/tls_peer.hpp"

#include "net/tls_reason.hpp"

#include <stdexcept>

namespace onehop::test {
namespace {

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

// RFC 7301 §3.1.
std::string with_length(std::string_view protocol) {
  if (protocol.empty()) return {};
  return static_cast<char>(protocol.size()) + std::string(protocol);
}

int choose_protocol(SSL*,
                    const unsigned char** chosen,
                    unsigned char* size,
                    const unsigned char* offered,
                    unsigned offered_size,
                    void* wanted) {
  const auto& list = *static_cast<const std::string*>(wanted);
  const auto* const ours = reinterpret_cast<const unsigned char*>(list.data());
  unsigned char* selected = nullptr;
  const int found = SSL_select_next_proto(&selected, size, ours, static_cast<unsigned>(list.size()),
                                          offered, offered_size);
  *chosen = selected;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

TlsSide::TlsSide(const SSL_METHOD* method, std::string_view protocol)
    : context_(SSL_CTX_new(method)),
      protocol_(std::make_unique<std::string>(with_length(protocol))) {
  require(context_ != nullptr, "no context");
  SSL_CTX_set_num_tickets(context_.get(), 0);
}

TlsSide TlsSide::server(const TlsCertificate& certificate, std::string_view protocol) {
  TlsSide side(TLS_server_method(), protocol);
  SSL_CTX* const context = side.context_.get();
  require(SSL_CTX_use_certificate_chain_file(context, certificate.chain_file.c_str()) == 1,
          "no certificate");
  require(SSL_CTX_use_PrivateKey_file(context, certificate.key_file.c_str(), SSL_FILETYPE_PEM) == 1,
          "no key");
  if (!protocol.empty()) {
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, side.protocol_.get());
  }
  return side;
}

TlsSide TlsSide::client(const std::string& ca_file, std::string_view protocol) {
  TlsSide side(TLS_client_method(), protocol);
  SSL_CTX* const context = side.context_.get();
  require(SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1, "no authority");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const auto* const offered = reinterpret_cast<const unsigned char*>(side.protocol_->data());
  const auto size = static_cast<unsigned>(side.protocol_->size());
  require(size == 0 || SSL_CTX_set_alpn_protos(context, offered, size) == 0, "no protocol");
  return side;
}

TlsPeer::TlsPeer(const TlsSide& side)
    : ssl_(SSL_new(side.context_.get())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  require(ssl_ != nullptr && in_ != nullptr && out_ != nullptr, "no connection");
  SSL_set_bio(ssl_.get(), in_, out_);
  if (SSL_is_server(ssl_.get()) != 0) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

void TlsPeer::take(std::string_view data) {
  if (!data.empty()) BIO_write(in_, data.data(), static_cast<int>(data.size()));
  char piece[4096];
  for (;;) {
    net::forget_tls_errors();
    const int got = SSL_read(ssl_.get(), piece, sizeof piece);
    if (got <= 0) return;
    content_.append(piece, static_cast<std::size_t>(got));
  }
}

std::string TlsPeer::seal(std::string_view content) {
  const int wrote = SSL_write(ssl_.get(), content.data(), static_cast<int>(content.size()));
  require(wrote == static_cast<int>(content.size()), "not written");
  return to_send();
}

std::string TlsPeer::seal_goodbye() {
  SSL_shutdown(ssl_.get());
  return to_send();
}

std::string TlsPeer::to_send() {
  std::string data(static_cast<std::size_t>(BIO_ctrl_pending(out_)), '\0');
  if (data.empty()) return data;
  const int got = BIO_read(out_, data.data(), static_cast<int>(data.size()));
  data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return data;
}

bool TlsPeer::shake_hands(testing::Wire& wire) {
  for (;;) {
    take(wire.receive());
    const std::string data = to_send();
    if (data.empty()) return SSL_is_init_finished(ssl_.get()) == 1;
    wire.send(data);
  }
}

}  // namespace onehop::test
