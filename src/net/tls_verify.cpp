// SPDX-License-Identifier: Apache-2.0
#include "net/tls_verify.hpp"

#include "net/tls_key_pair.hpp"
#include "net/tls_stream.hpp"

namespace onehop::net {
namespace {

// Returns the name or address that the certificate must contain.
std::string wanted_by(SSL* ssl) {
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  if (const char* const host = X509_VERIFY_PARAM_get0_host(parameters, 0)) return host;
  char* const address = X509_VERIFY_PARAM_get1_ip_asc(parameters);
  std::string text = address ? address : "";
  OPENSSL_free(address);
  return text;
}

}  // namespace

std::string describe_refusal(int error, X509* certificate, const std::string& wanted) {
  std::string text = X509_verify_cert_error_string(error);
  if (!certificate) return text;
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    std::string names;
    for (const std::string& name : names_of(certificate))
      names.append(names.empty() ? "" : ", ").append(name);
    return text + ": it is for " + (names.empty() ? "no name" : names) + ", not for " + wanted;
  }
  text += " (subject " + text_of(X509_get_subject_name(certificate)) + ", issuer " +
          text_of(X509_get_issuer_name(certificate));
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    text += ", valid until " + date_of(X509_get0_notAfter(certificate));
  } else if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
    text += ", valid from " + date_of(X509_get0_notBefore(certificate));
  }
  return text + ")";
}

int on_verify(int verdict, X509_STORE_CTX* store) {
  if (verdict == 1) return verdict;
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  TlsStream::of(ssl).record_refused_certificate(describe_refusal(
      X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store), wanted_by(ssl)));
  return verdict;
}

}  // namespace onehop::net
