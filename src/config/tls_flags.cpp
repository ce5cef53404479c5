// SPDX-License-Identifier: Apache-2.0
#include "config/tls_flags.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

std::string count_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// The first of the settings that has a value.
std::string_view first_given(const TlsFlags& flags) {
  if (!flags.client_ca.empty()) return "tls-client-ca";
  return flags.client_auth ? "tls-client-auth" : "tls-ticket-keys";
}

Contradictions without_certificate(const TlsFlags& flags) {
  if (!flags.keys.empty()) {
    return {{"tls-key", "--tls-key needs --tls CERT, the certificate of the key"}};
  }
  if (flags.client_ca.empty() && !flags.client_auth && flags.ticket_keys.empty()) return {};
  return {
      {first_given(flags), "--tls-client-ca, --tls-client-auth and --tls-ticket-keys need --tls"}};
}

Contradictions check_pairs(const TlsFlags& flags) {
  const bool has_self = std::ranges::count(flags.certificates, "self") > 0;
  if (has_self && (flags.certificates.size() > 1 || !flags.keys.empty())) {
    return {{"tls", "--tls self makes its own certificate and key: use it alone"}};
  }
  if (flags.keys.empty() || flags.keys.size() == flags.certificates.size()) return {};
  return {{"tls-key", count_of(flags.certificates.size(), "certificate") + " (--tls) but " +
                          count_of(flags.keys.size(), "key") + " (--tls-key): give them in pairs"}};
}

void add_certificates(const TlsFlags& flags, TlsServerOptions& tls) {
  tls.self_signed = std::ranges::count(flags.certificates, "self") > 0;
  for (std::size_t i = 0; i < flags.certificates.size() && !tls.self_signed; ++i) {
    TlsCertificate& one = tls.certificates.emplace_back();
    one.chain_file = flags.certificates[i];
    if (!flags.keys.empty()) one.key_file = flags.keys[i];
  }
}

std::string_view first_about_backend(const TlsFlags& flags) {
  if (!flags.backend_ca.empty()) return "backend-ca";
  if (!flags.backend_certificate.empty()) return "backend-cert";
  if (!flags.backend_key.empty()) return "backend-key";
  if (!flags.backend_name.empty()) return "backend-name";
  if (flags.insecure) return "insecure";
  return flags.ignore_missing_close_notify ? "ignore-missing-close-notify" : "";
}

}  // namespace

Contradictions apply_client_side_tls(const TlsFlags& flags, Server::Options& server) {
  if (flags.certificates.empty()) return without_certificate(flags);
  if (Contradictions found = check_pairs(flags); !found.empty()) return found;
  TlsServerOptions tls;
  add_certificates(flags, tls);
  tls.client_ca_file = flags.client_ca;
  // A client CA is useful only if clients must present a certificate.
  if (!flags.client_ca.empty()) tls.client_auth = ClientAuth::required;
  if (flags.client_auth) tls.client_auth = *flags.client_auth;
  if (tls.client_auth != ClientAuth::none && flags.client_ca.empty()) {
    return {{"tls-client-auth",
             "--tls-client-auth needs --tls-client-ca FILE: the CA of the clients' certificates"}};
  }
  if (tls.client_auth == ClientAuth::none) tls.client_ca_file.clear();
  tls.ticket_key_file = flags.ticket_keys;
  tls.handshake_timeout = flags.handshake_timeout;
  server.tls = std::move(tls);
  return {};
}

Contradictions apply_backend_tls(const TlsFlags& flags,
                                 std::string_view scheme,
                                 Transport::Options& transport) {
  const std::string_view first = first_about_backend(flags);
  if (!first.empty() && scheme != "https") {
    return {{first,
             "--backend-ca, --backend-cert, --backend-key, --backend-name, --insecure and "
             "--ignore-missing-close-notify are for a backend with https://"}};
  }
  if (!flags.backend_key.empty() && flags.backend_certificate.empty()) {
    return {{"backend-key", "--backend-key needs --backend-cert CERT, the certificate of the key"}};
  }
  if (flags.insecure && !flags.backend_ca.empty()) {
    return {{"insecure",
             "--insecure accepts any certificate, --backend-ca only some: use one of them"}};
  }
  TlsClientOptions& tls = transport.tls;
  tls.ca_file = flags.backend_ca;
  tls.server_name = flags.backend_name;
  tls.insecure = flags.insecure;
  tls.ignore_missing_close_notify = flags.ignore_missing_close_notify;
  tls.certificate.chain_file = flags.backend_certificate;
  tls.certificate.key_file = flags.backend_key;
  return {};
}

}  // namespace onehop::config
