// SPDX-License-Identifier: Apache-2.0
#include "net/tls_reason.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/asn1err.h>
#include <openssl/decodererr.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pemerr.h>
#include <openssl/pkcs12.h>
#include <openssl/sslerr.h>

namespace onehop::net {
namespace {

struct Words {
  int library;
  int reason;
  std::string_view text;
};

constexpr std::string_view kDamagedBlock = "the data in its PEM block is damaged";
constexpr std::string_view kDamagedMessage = "the peer has sent damaged data";

constexpr auto kWords = std::to_array<Words>({
    // Files. Security level 2 of Debian's OpenSSL defines which keys and hashes are too weak.
    {ERR_LIB_SSL, SSL_R_EE_KEY_TOO_SMALL, "its key is too short: RSA needs 2048 bits, EC 224"},
    {ERR_LIB_SSL, SSL_R_CA_KEY_TOO_SMALL,
     "the key of an authority in its chain is too short: RSA needs 2048 bits, EC 224"},
    {ERR_LIB_SSL, SSL_R_CA_MD_TOO_WEAK,
     "a signature in its chain uses a broken hash, such as MD5 or SHA-1"},
    {ERR_LIB_SSL, SSL_R_DH_KEY_TOO_SMALL, "the peer's Diffie-Hellman key is too short"},
    {ERR_LIB_SSL, SSL_R_UNKNOWN_CERTIFICATE_TYPE, "TLS cannot use its kind of key"},
    {ERR_LIB_PEM, PEM_R_BAD_BASE64_DECODE, kDamagedBlock},
    {ERR_LIB_PEM, PEM_R_BAD_END_LINE, "its PEM block has no matching END line"},
    {ERR_LIB_PEM, PEM_R_SHORT_HEADER, "its PEM block is cut short"},
    // Handshakes: alerts of the peer (RFC 8446 section 6.2).
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the peer refused the handshake: no version, cipher or key in common, or it wants a "
     "certificate"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
     "the peer speaks neither TLS 1.2 nor TLS 1.3"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the peer does not know the authority of the certificate"},
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer does not accept the certificate"},
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
     "the peer cannot use this kind of certificate"},
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
     "the peer says that the certificate is revoked"},
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "the peer says that the certificate has expired"},
    {ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
     "the peer does not accept the certificate"},
    {ERR_LIB_SSL, SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the peer requires a certificate, and none was sent"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the peer denies access"},
    {ERR_LIB_SSL, SSL_R_TLSV1_UNRECOGNIZED_NAME,
     "the peer does not know the name that it was asked for"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "the peer speaks none of the protocols that were offered"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "the peer reports an internal error"},
    {ERR_LIB_SSL, SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
     "the peer requires stronger ciphers than those in common"},
    // Handshakes: errors that this side detects.
    {ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, "no cipher in common"},
    {ERR_LIB_SSL, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
     "the peer offers no signature that the certificate's key can make"},
    {ERR_LIB_SSL, SSL_R_NO_SUITABLE_KEY_SHARE, "no key exchange in common"},
    {ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks neither TLS 1.2 nor TLS 1.3"},
    {ERR_LIB_SSL, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the peer has shown no certificate"},
    {ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL,
     "the peer offers no protocol that is supported here"},
});

// OpenSSL reports data that is not ASN.1 with a dozen codes, most of them named "lib".
bool is_about_asn1(unsigned long code) {
  if (ERR_GET_LIB(code) == ERR_LIB_OSSL_DECODER && ERR_GET_REASON(code) == ERR_R_UNSUPPORTED) {
    return true;
  }
  return ERR_GET_LIB(code) == ERR_LIB_ASN1 || ERR_GET_REASON(code) == ERR_R_ASN1_LIB;
}

EVP_PKEY* decode_key(EVP_PKEY**, const unsigned char** at, long size) {
  return d2i_AutoPrivateKey(nullptr, at, size);
}

// `kDecode` is a d2i function, or has the same parameters.
template <auto kDecode, auto kFree>
bool is_der(const std::string& text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  auto* const made = kDecode(nullptr, &at, static_cast<long>(text.size()));
  forget_tls_errors();
  if (made == nullptr) return false;
  kFree(made);
  return true;
}

std::string converted_by(const char* what, const std::string& command) {
  return std::string("this is ") + what + "; `" + command + "` converts it";
}

std::string about_der(const std::string& text, const std::string& place) {
  const std::string files = " -in " + place + " -out " + place + ".pem";
  if (is_der<&d2i_PKCS12, &PKCS12_free>(text)) {
    return converted_by("a PKCS#12 file", "openssl pkcs12 -nodes" + files);
  }
  if (is_der<&d2i_X509, &X509_free>(text)) {
    return converted_by("a certificate in DER form", "openssl x509 -inform der" + files);
  }
  if (is_der<&d2i_PKCS7, &PKCS7_free>(text)) {
    return converted_by("a PKCS#7 file in DER form",
                        "openssl pkcs7 -print_certs -inform der" + files);
  }
  if (is_der<&decode_key, &EVP_PKEY_free>(text)) {
    return converted_by("a private key in DER form", "openssl pkey -inform der" + files);
  }
  return {};
}

}  // namespace

void forget_tls_errors() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string take_tls_reason(TlsErrorIn where) {
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return {};
  std::string text = words_for_tls_error(code, where);
  ERR_clear_error();
  return text;
}

std::string words_for_tls_error(unsigned long code, TlsErrorIn where) {
  const char* const theirs = ERR_reason_error_string(code);
  const std::string own = theirs ? theirs : "error " + std::to_string(code);
  const auto words = std::ranges::find_if(kWords, [code](const Words& one) {
    return one.library == ERR_GET_LIB(code) && one.reason == ERR_GET_REASON(code);
  });
  if (words != kWords.end()) return std::string(words->text) + " (" + own + ")";
  if (is_about_asn1(code)) {
    return std::string(where == TlsErrorIn::file ? kDamagedBlock : kDamagedMessage) + " (" + own +
           ")";
  }
  return own;
}

std::string how_to_convert(const std::string& text, const std::string& place) {
  if (text.starts_with('\x30')) return about_der(text, place);
  const std::string files = " -in " + place + " -out " + place + ".pem";
  if (text.find("-----BEGIN PKCS7-----") != std::string::npos) {
    return converted_by("a PKCS#7 file", "openssl pkcs7 -print_certs" + files);
  }
  if (text.find("-----BEGIN CERTIFICATE REQUEST-----") != std::string::npos ||
      text.find("-----BEGIN NEW CERTIFICATE REQUEST-----") != std::string::npos) {
    return "this is a certificate request, not a certificate";
  }
  if (text.find("-----BEGIN OPENSSH PRIVATE KEY-----") != std::string::npos) {
    return converted_by("a key of OpenSSH", "ssh-keygen -p -m PEM -f " + place);
  }
  if (text.find("-----BEGIN PUBLIC KEY-----") != std::string::npos) {
    return "this is a public key; the private key is missing";
  }
  return {};
}

}  // namespace onehop::net
