// SPDX-License-Identifier: Apache-2.0
#include "config/tls_flags.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

std::string count_of(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Returns the name of the first of these settings that has a value.
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

Contradictions check_pairs(const TlsFlags& flags, bool has_acme) {
  const bool has_self = std::ranges::count(flags.certificates, "self") > 0;
  if (has_self && (flags.certificates.size() > 1 || !flags.keys.empty())) {
    return {{"tls", "--tls self makes its own certificate and key: use it alone"}};
  }
  if (has_self && has_acme) {
    return {{"tls",
             "--tls self and --acme are both for a server without certificates of its own: "
             "use one of them"}};
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

// Returns the names of the backend's settings that have a value.
std::vector<std::string_view> given_about_backend(const TlsFlags& flags) {
  std::vector<std::string_view> names;
  if (!flags.backend_ca.empty()) names.emplace_back("backend-ca");
  if (!flags.backend_certificate.empty()) names.emplace_back("backend-cert");
  if (!flags.backend_key.empty()) names.emplace_back("backend-key");
  if (!flags.backend_name.empty()) names.emplace_back("backend-name");
  if (flags.insecure) names.emplace_back("insecure");
  if (flags.ignore_missing_close_notify) names.emplace_back("ignore-missing-close-notify");
  return names;
}

Contradictions without_tls(const TlsFlags& flags) {
  Contradictions found;
  for (const std::string_view name : given_about_backend(flags))
    found.push_back({name, "--" + std::string(name) + " is for a backend with https://"});
  return found;
}

}  // namespace

Contradictions apply_client_side_tls(const TlsFlags& flags,
                                     bool has_acme,
                                     Server::Options& server) {
  if (flags.certificates.empty() && (!has_acme || !flags.keys.empty()))
    return without_certificate(flags);
  if (Contradictions found = check_pairs(flags, has_acme); !found.empty()) return found;
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
  if (scheme != "https") return without_tls(flags);
  TlsClientOptions& tls = transport.tls;
  tls.ca_file = flags.backend_ca;
  tls.server_name = flags.backend_name;
  tls.insecure = flags.insecure;
  tls.ignore_missing_close_notify = flags.ignore_missing_close_notify;
  tls.certificate.chain_file = flags.backend_certificate;
  Contradictions found;
  if (!flags.backend_certificate.empty()) {
    tls.certificate.key_file = flags.backend_key;
  } else if (!flags.backend_key.empty()) {
    found.push_back(
        {"backend-key", "--backend-key needs --backend-cert CERT, the certificate of the key"});
  }
  if (flags.insecure && !flags.backend_ca.empty()) {
    found.push_back({"insecure",
                     "--insecure accepts any certificate, --backend-ca only some: use one of them",
                     "backend-ca"});
  }
  return found;
}

}  // namespace onehop::config
