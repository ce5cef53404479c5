// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.hpp"
#include "base/c_callback.hpp"
#include "net/tls_challenge.hpp"
#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_key_pair.hpp"
#include "net/tls_settings.hpp"
#include "net/tls_stream.hpp"
#include "net/tls_ticket_keys.hpp"
#include "net/tls_verify.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace onehop::net {
namespace {

std::string lowered(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), ascii::to_lower);
  return lower;
}

using Pairs = std::vector<std::shared_ptr<const TlsKeyPair>>;

Result<void> add(Pairs& pairs, Result<TlsKeyPair> pair) {
  if (!pair) return failure(pair.error());
  pairs.push_back(std::make_shared<const TlsKeyPair>(std::move(*pair)));
  return {};
}

// Makes a self-signed pair only if `self_made` is null.
Result<Pairs> read_pairs(const TlsServerOptions& options,
                         FileKinds kinds,
                         std::shared_ptr<const TlsKeyPair> self_made) {
  Pairs pairs;
  for (const TlsCertificate& source : options.certificates) {
    if (auto added = add(pairs, read_key_pair(source, kinds)); !added) {
      return failure(added.error());
    }
  }
  if (options.source) {
    for (const TlsCertificate& one : options.source->certificates()) {
      if (auto added = add(pairs, read_key_pair(one, kinds)); !added) {
        return failure(added.error());
      }
    }
  }
  if (options.self_signed && self_made) {
    pairs.push_back(std::move(self_made));
  } else if (options.self_signed) {
    if (auto added = add(pairs, make_self_signed_pair()); !added) return failure(added.error());
  }
  if (pairs.empty()) {
    return failure(Errc::bad_option, Side::local, "TLS needs a certificate, or self_signed");
  }
  return pairs;
}

// The pairs that serve a name, by index: the first pair of each kind of key.
using Selection = std::set<std::size_t>;

std::map<std::string, Selection> selections_by_name(const Pairs& pairs) {
  std::map<std::string, Selection> by_name;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (const std::string& name : pairs[i]->info.names) {
      Selection& selection = by_name[lowered(name)];
      const int kind = EVP_PKEY_get_base_id(pairs[i]->key.get());
      const bool is_there = std::any_of(selection.begin(), selection.end(), [&](std::size_t other) {
        return EVP_PKEY_get_base_id(pairs[other]->key.get()) == kind;
      });
      if (!is_there) selection.insert(i);
    }
  }
  return by_name;
}

// Prevents the resumption of a session that was made under other rules for client certificates.
Result<void> bind_sessions(SSL_CTX* context, const std::string& rules) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(rules.data(), rules.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest.data(), SSL_MAX_SID_CTX_LENGTH) != 1) {
    return failure(tls_option_error("TLS sessions cannot be set up"));
  }
  return {};
}

// Refuses a ticket whose client certificate has expired, so that the client must present a new one.
SSL_TICKET_RETURN judge_ticket(SSL*,
                               SSL_SESSION* session,
                               const unsigned char*,
                               std::size_t,
                               SSL_TICKET_STATUS status,
                               void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  const X509* const shown = SSL_SESSION_get0_peer(session);
  if (shown && X509_cmp_current_time(X509_get0_notAfter(shown)) < 0) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// Sets the authorities of client certificates and sends their names to clients. Returns a digest
// of the rules, for bind_sessions().
Result<std::string> ask_for_certificates(SSL_CTX* context,
                                         const TlsServerOptions& options,
                                         std::span<const X509Handle> authorities) {
  std::string rules = options.client_auth == ClientAuth::required ? "required" : "optional";
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const X509Handle& one : authorities) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_STORE_add_cert(store, one.get()) != 1 ||
        SSL_CTX_add_client_CA(context, one.get()) != 1 ||
        X509_digest(one.get(), EVP_sha256(), digest.data(), &size) != 1) {
      return failure(tls_option_error(options.client_ca_file));
    }
    rules.append(reinterpret_cast<const char*>(digest.data()), size);
  }
  const bool required = options.client_auth == ClientAuth::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     &CCallback<&on_verify, 0>::call);
  SSL_CTX_set_session_ticket_cb(context, nullptr, &judge_ticket, nullptr);
  return rules;
}

}  // namespace

// The authorities of client certificates, read once for all contexts.
struct TlsServerContext::Authorities {
  std::vector<X509Handle> all;
};

struct TlsServerContext::Contexts {
  std::vector<SslContextHandle> all;
};

TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::make(
    const TlsServerOptions& options,
    const TlsProtocols& protocols,
    std::shared_ptr<TlsTicketKeys> keys,
    FileKinds kinds,
    const TlsServerContext* before) {
  const bool asks = options.client_auth != ClientAuth::none;
  if (asks == options.client_ca_file.empty()) {
    return failure(Errc::bad_option, Side::local,
                   asks ? "client_auth asks for client certificates, but client_ca_file is not set"
                        : "client_ca_file is set, but client_auth does not ask for certificates");
  }
  auto pairs = read_pairs(options, kinds, before ? before->self_made_ : nullptr);
  if (!pairs) return failure(pairs.error());
  Authorities authorities;
  if (asks) {
    auto read = read_certificates(options.client_ca_file, kinds);
    if (!read) return failure(read.error());
    authorities.all = std::move(*read);
  }
  std::shared_ptr<TlsServerContext> made(new TlsServerContext);  // the constructor is private
  made->contexts_ = std::make_unique<Contexts>();
  made->protocols_ = on_the_wire(protocols);
  made->keys_ = std::move(keys);
  made->source_ = options.source;
  if (auto added = made->add_contexts(options, *pairs, authorities); !added) {
    return failure(added.error());
  }
  for (const auto& pair : *pairs) {
    made->infos_.push_back(pair->info);
    if (!pair->warning.empty()) made->warnings_.push_back(pair->warning);
  }
  if (options.self_signed) made->self_made_ = pairs->back();
  return std::shared_ptr<const TlsServerContext>(std::move(made));
}

// Makes one SSL_CTX for each distinct selection; the first certificate's becomes the default.
Result<void> TlsServerContext::add_contexts(const TlsServerOptions& options,
                                            const KeyPairs& pairs,
                                            const Authorities& authorities) {
  const std::map<std::string, Selection> by_name = selections_by_name(pairs);
  std::map<Selection, SSL_CTX*> made;
  const auto context_of = [&](const Selection& selection) -> Result<SSL_CTX*> {
    if (const auto found = made.find(selection); found != made.end()) return found->second;
    auto context = make_context(options, authorities);
    if (!context) return failure(context.error());
    for (const std::size_t i : selection) {
      if (auto used = use_key_pair(*context, *pairs[i]); !used) return failure(used.error());
    }
    made[selection] = *context;
    return *context;
  };
  Selection first{0};
  const std::vector<std::string>& names = pairs.front()->info.names;
  if (!names.empty()) first = by_name.at(lowered(names[0]));
  if (auto context = context_of(first); !context) return failure(context.error());
  for (const auto& [name, selection] : by_name) {
    auto context = context_of(selection);
    if (!context) return failure(context.error());
    by_name_[name] = *context;
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const bool is_used = std::any_of(made.begin(), made.end(),
                                     [i](const auto& each) { return each.first.contains(i); });
    if (!is_used) unused_.push_back(i);
  }
  return {};
}

Result<ssl_ctx_st*> TlsServerContext::make_context(const TlsServerOptions& options,
                                                   const Authorities& authorities) {
  auto context = make_ssl_context(TLS_server_method());
  if (!context) return failure(context.error());
  SSL_CTX* const raw = context->get();
  std::string rules = "none";
  if (options.client_auth != ClientAuth::none) {
    auto asked = ask_for_certificates(raw, options, authorities.all);
    if (!asked) return failure(asked.error());
    rules = std::move(*asked);
  }
  if (auto bound = bind_sessions(raw, rules); !bound) return failure(bound.error());
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets need no memory on the server
  keys_->install(raw);
  // A client needs one ticket for its next connection, which issues another. By default OpenSSL
  // sends two after a full handshake, and each costs a sixteenth of the handshake's instructions.
  SSL_CTX_set_num_tickets(raw, 1);
  SSL_CTX_set_alpn_select_cb(raw, &TlsServerContext::on_protocols, this);
  SSL_CTX_callback_ctrl(
      raw, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
      reinterpret_cast<void (*)()>(
          &CCallback<&TlsServerContext::on_server_name, SSL_TLSEXT_ERR_ALERT_FATAL>::call));
  SSL_CTX_set_tlsext_servername_arg(raw, this);
  // Every connection has the first context until its server name is known.
  if (contexts_->all.empty() && source_) answer_challenges(raw);
  contexts_->all.push_back(std::move(*context));
  return raw;
}

void TlsServerContext::answer_challenges(ssl_ctx_st* context) {
  SSL_CTX_set_client_hello_cb(
      context, &CCallback<&TlsServerContext::on_client_hello, SSL_CLIENT_HELLO_ERROR>::call, this);
}

int TlsServerContext::on_client_hello(ssl_st* ssl, int* alert, void* self) {
  if (!is_challenge(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  const auto pair =
      static_cast<TlsServerContext*>(self)->source_->challenge_certificate(name_in_hello(ssl));
  return pair && answer_challenge(ssl, *pair) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

// Matches the name itself, or a wildcard in place of its first label (RFC 9525 §6.3). Returns null
// if neither is known.
ssl_ctx_st* TlsServerContext::context_for(std::string_view name) const {
  std::string wanted = lowered(name);
  if (const auto found = by_name_.find(wanted); found != by_name_.end()) return found->second;
  const std::size_t dot = wanted.find('.');
  if (dot == std::string::npos || dot == 0) return nullptr;
  wanted.replace(0, dot, "*");
  const auto found = by_name_.find(wanted);
  return found != by_name_.end() ? found->second : nullptr;
}

int TlsServerContext::on_server_name(ssl_st* ssl, int*, void* self) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const context = static_cast<TlsServerContext*>(self)->context_for(name);
  if (context && context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

// The handshake fails if there is no common protocol (RFC 7301 §3.2).
int TlsServerContext::on_protocols(ssl_st*,
                                   const unsigned char** out,
                                   unsigned char* size,
                                   const unsigned char* offered,
                                   unsigned offered_size,
                                   void* self) {
  const std::string& ours = static_cast<TlsServerContext*>(self)->protocols_;
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::unique_ptr<TlsStream> TlsServerContext::accept(std::shared_ptr<const TlsServerContext> context,
                                                    std::unique_ptr<Stream> inner) {
  SslHandle ssl(SSL_new(context->contexts_->all.front().get()));
  if (!ssl) throw std::bad_alloc();
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsStream>(std::move(inner), std::move(ssl), std::move(context));
}

}  // namespace onehop::net
