// SPDX-License-Identifier: Apache-2.0
#include "program/tls_flags.hpp"

#include <algorithm>

namespace onehop::program {
namespace {

std::string count_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Returns "" if the flags for the client side are consistent.
std::string apply_server_flags(const TlsFlags& flags, Server::Options& server) {
  if (flags.certificates.empty()) {
    if (!flags.keys.empty()) return "--tls-key needs --tls CERT, the certificate of the key";
    if (!flags.client_ca.empty() || flags.client_auth || !flags.ticket_keys.empty()) {
      return "--tls-client-ca, --tls-client-auth and --tls-ticket-keys need --tls";
    }
    return {};
  }
  TlsServerOptions tls;
  const auto self = std::ranges::count(flags.certificates, "self");
  if (self > 0 && (flags.certificates.size() > 1 || !flags.keys.empty())) {
    return "--tls self makes its own certificate and key: use it alone";
  }
  if (!flags.keys.empty() && flags.keys.size() != flags.certificates.size()) {
    return count_of(flags.certificates.size(), "certificate") + " (--tls) but " +
           count_of(flags.keys.size(), "key") + " (--tls-key): give them in pairs";
  }
  tls.self_signed = self > 0;
  for (std::size_t i = 0; i < flags.certificates.size() && self == 0; ++i) {
    TlsCertificate& one = tls.certificates.emplace_back();
    one.chain_file = flags.certificates[i];
    if (!flags.keys.empty()) one.key_file = flags.keys[i];
  }
  tls.client_ca_file = flags.client_ca;
  // A client CA is useful only if clients must present a certificate.
  if (!flags.client_ca.empty()) tls.client_auth = ClientAuth::required;
  if (flags.client_auth) tls.client_auth = *flags.client_auth;
  if (tls.client_auth != ClientAuth::none && flags.client_ca.empty()) {
    return "--tls-client-auth needs --tls-client-ca FILE: the CA of the clients' certificates";
  }
  if (tls.client_auth == ClientAuth::none) tls.client_ca_file.clear();
  tls.ticket_key_file = flags.ticket_keys;
  tls.handshake_timeout = flags.handshake_timeout;
  server.tls = std::move(tls);
  return {};
}

std::string apply_backend_flags(const TlsFlags& flags,
                                std::string_view scheme,
                                TlsClientOptions& tls) {
  const bool any = flags.insecure || flags.ignore_missing_close_notify ||
                   !flags.backend_ca.empty() || !flags.backend_certificate.empty() ||
                   !flags.backend_key.empty() || !flags.backend_name.empty();
  if (any && scheme != "https") {
    return "--backend-ca, --backend-cert, --backend-key, --backend-name, --insecure and "
           "--ignore-missing-close-notify are for a backend with https://";
  }
  if (!flags.backend_key.empty() && flags.backend_certificate.empty()) {
    return "--backend-key needs --backend-cert CERT, the certificate of the key";
  }
  if (flags.insecure && !flags.backend_ca.empty()) {
    return "--insecure accepts any certificate, --backend-ca only some: use one of them";
  }
  tls.ca_file = flags.backend_ca;
  tls.server_name = flags.backend_name;
  tls.insecure = flags.insecure;
  tls.ignore_missing_close_notify = flags.ignore_missing_close_notify;
  tls.certificate.chain_file = flags.backend_certificate;
  tls.certificate.key_file = flags.backend_key;
  return {};
}

}  // namespace

std::string apply_tls_flags(const TlsFlags& flags,
                            std::string_view backend_scheme,
                            Server::Options& server,
                            Transport::Options& transport) {
  std::string problem = apply_server_flags(flags, server);
  return problem.empty() ? apply_backend_flags(flags, backend_scheme, transport.tls) : problem;
}

}  // namespace onehop::program
