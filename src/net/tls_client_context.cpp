// SPDX-License-Identifier: Apache-2.0
#include "base/c_callback.hpp"
#include "net/address.hpp"
#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_key_pair.hpp"
#include "net/tls_settings.hpp"
#include "net/tls_stream.hpp"
#include "net/tls_verify.hpp"

#include <new>
#include <utility>

#include <openssl/x509v3.h>

namespace onehop::net {
namespace {

constexpr std::size_t kSessionsKept = 4;

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  return TlsStream::of(ssl).keep_session(session) ? 1 : 0;
}

// Sets the server name to send, and the name or address that the certificate must contain.
bool expect_server(SSL* ssl, std::string host) {
  if (host.ends_with('.')) host.pop_back();
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  if (Address::from_ip(host, 0)) {
    return X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  }
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1 &&
         ask_for_name(ssl, host);
}

}  // namespace

TlsSessions::TlsSessions() = default;

TlsSessions::~TlsSessions() {
  for (ssl_session_st* session : sessions_)
    SSL_SESSION_free(session);
}

void TlsSessions::put(ssl_session_st* session) {
  sessions_.push_back(session);
  if (sessions_.size() <= kSessionsKept) return;
  SSL_SESSION_free(sessions_.front());
  sessions_.erase(sessions_.begin());
}

ssl_session_st* TlsSessions::take() {
  while (!sessions_.empty()) {
    SSL_SESSION* const session = sessions_.back();
    if (!SSL_SESSION_is_resumable(session)) {
      sessions_.pop_back();
      SSL_SESSION_free(session);
    } else if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
      sessions_.pop_back();
      return session;
    } else {
      SSL_SESSION_up_ref(session);
      return session;
    }
  }
  return nullptr;
}

TlsClientContext::~TlsClientContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(
    const TlsClientOptions& options, FileKinds kinds) {
  std::shared_ptr<TlsClientContext> made(new TlsClientContext);  // the constructor is private
  made->server_name_ = options.server_name;
  made->ignores_missing_goodbye_ = options.ignore_missing_close_notify;
  if (auto set = made->set_up(options, kinds); !set) return failure(set.error());
  const SslHandle probe(SSL_new(made->context_));
  if (!options.server_name.empty() && probe && !expect_server(probe.get(), options.server_name)) {
    return failure(Errc::bad_option, Side::local, "server_name is not a valid server name");
  }
  return std::shared_ptr<const TlsClientContext>(std::move(made));
}

Result<void> TlsClientContext::set_up(const TlsClientOptions& options, FileKinds kinds) {
  auto context = make_ssl_context(TLS_client_method());
  if (!context) return failure(context.error());
  context_ = context->release();
  if (!options.insecure) {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, &CCallback<&on_verify, 0>::call);
    if (options.ca_file.empty()) {
      if (SSL_CTX_set_default_verify_paths(context_) != 1) {
        return failure(tls_option_error("the system's authorities cannot be read"));
      }
    } else {
      auto authorities = read_certificates(options.ca_file, kinds);
      if (!authorities) return failure(authorities.error());
      for (const X509Handle& one : *authorities)
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), one.get());
      // An intermediate authority in the file is trusted as it is.
      X509_STORE_set_flags(SSL_CTX_get_cert_store(context_), X509_V_FLAG_PARTIAL_CHAIN);
    }
  }
  if (!options.certificate.is_empty()) {
    auto pair = read_key_pair(options.certificate, kinds);
    if (!pair) return failure(pair.error());
    if (auto used = use_key_pair(context_, *pair); !used) return used;
  }
  SSL_CTX_set_session_cache_mode(context_,
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context_, &CCallback<&on_new_session, 0>::call);
  return {};
}

std::unique_ptr<TlsStream> TlsClientContext::connect(
    std::shared_ptr<const TlsClientContext> context,
    std::unique_ptr<Stream> inner,
    const std::string& host,
    std::shared_ptr<TlsSessions> sessions,
    const TlsProtocols& protocols) {
  SslHandle ssl(SSL_new(context->context_));
  if (!ssl) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  const std::string list = on_the_wire(protocols);
  const bool offered =
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size())) == 0;
  const std::string& name = context->server_name_.empty() ? host : context->server_name_;
  if (!offered) throw std::bad_alloc();
  if (!expect_server(ssl.get(), name)) return nullptr;
  if (sessions) {
    if (const SslSessionHandle session{sessions->take()}) {
      SSL_set_session(ssl.get(), session.get());
    }
  }
  const bool ignores = context->ignores_missing_goodbye_;
  auto stream = std::make_unique<TlsStream>(std::move(inner), std::move(ssl), std::move(context));
  if (ignores) stream->ignore_missing_close_notify();
  stream->keep_sessions_in(std::move(sessions));
  return stream;
}

}  // namespace onehop::net
