// SPDX-License-Identifier: Apache-2.0
#include "acme/certificates.hpp"

#include "acme/base64url.hpp"
#include "base/ascii.hpp"
#include "net/locked_memory.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_key_pair.hpp"
#include "net/tls_reason.hpp"
#include "net/tls_settings.hpp"
#include "net/tls_time.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace onehop::acme {
namespace {

constexpr std::chrono::hours kPlaceholderLife(24 * 90);
constexpr std::chrono::hours kChallengeLife(24);
constexpr std::chrono::hours kClockSkew(1);

template <class T, auto kFree>
using Owned = std::unique_ptr<T, net::TlsFree<kFree>>;
using RequestHandle = Owned<X509_REQ, X509_REQ_free>;
using ExtensionHandle = Owned<X509_EXTENSION, X509_EXTENSION_free>;

std::unexpected<Error> refused(std::string what) {
  if (const std::string reason = net::take_tls_reason(net::TlsErrorIn::file); !reason.empty())
    what += ": " + reason;
  return failure(Errc::bad_option, Side::local, std::move(what));
}

Result<std::vector<net::X509Handle>> certificates_in(std::string_view pem) {
  net::forget_tls_errors();
  const net::BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<net::X509Handle> found;
  while (in && found.size() < kMaxChain) {
    net::X509Handle one(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    found.push_back(std::move(one));
  }
  if (found.empty()) return refused("no certificate in PEM form");
  net::forget_tls_errors();
  return found;
}

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// Returns the content bytes of the serial number, as they are in the certificate.
std::string serial_of(const X509* certificate) {
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(serial, &der);
  if (size < 3) return {};
  const std::string_view all(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  std::string content(all.substr(2));  // after the type, and a length below 128
  OPENSSL_free(der);
  return content;
}

std::string renewal_id_of(X509* certificate) {
  const ASN1_OCTET_STRING* const authority = X509_get0_authority_key_id(certificate);
  if (authority == nullptr) return {};
  return to_base64url(bytes_of(authority)) + "." + to_base64url(serial_of(certificate));
}

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(), ascii::to_lower);
  return text;
}

CertificateFacts facts_of(X509* certificate) {
  CertificateFacts facts{.names = {},
                         .not_before = net::time_of(X509_get0_notBefore(certificate)),
                         .not_after = net::time_of(X509_get0_notAfter(certificate)),
                         .sha256 = net::fingerprint_of(certificate),
                         .renewal_id = renewal_id_of(certificate),
                         .is_self_signed = X509_self_signed(certificate, 0) == 1};
  for (std::string& name : net::names_of(certificate))
    facts.names.push_back(lowered(std::move(name)));
  return facts;
}

ExtensionHandle extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  return ExtensionHandle(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
}

bool add_extension(X509* certificate, ExtensionHandle one) {
  return one && X509_add_ext(certificate, one.get(), -1) == 1;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  return add_extension(certificate, extension(certificate, kind, value));
}

bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7fU) | 0x40U);  // positive, of fixed length
  const Owned<BIGNUM, BN_free> number(
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_common_name(X509* certificate, const std::string& name) {
  constexpr std::size_t kMaxCommonName = 64;
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const std::string text = name.size() <= kMaxCommonName ? name : "onehop";
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1,
                                    0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

// Returns an extension with the SHA-256 digest. It is critical, so no software may ignore it.
ExtensionHandle acme_identifier(std::string_view key_authorization) {
  static const int kind = OBJ_create("1.3.6.1.5.5.7.1.31", "acmeIdentifier", "ACME Identifier");
  const std::string digest = sha256(key_authorization);
  const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> inner(ASN1_OCTET_STRING_new());
  const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> outer(ASN1_OCTET_STRING_new());
  if (!inner || !outer ||
      ASN1_OCTET_STRING_set(inner.get(), reinterpret_cast<const unsigned char*>(digest.data()),
                            static_cast<int>(digest.size())) != 1) {
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_OCTET_STRING(inner.get(), &der);
  if (size <= 0) return {};
  const int copied = ASN1_OCTET_STRING_set(outer.get(), der, size);
  OPENSSL_free(der);
  if (copied != 1) return {};
  return ExtensionHandle(X509_EXTENSION_create_by_NID(nullptr, kind, 1, outer.get()));
}

Result<std::string> pem_of(const X509* certificate) {
  const net::BioHandle out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1)
    return refused("a certificate cannot be written");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

struct SelfSigned {
  std::string name;
  WallTime now;
  std::chrono::hours life;
};

// `special` is one more extension, or null.
Result<std::string> make_self_signed(const SelfSigned& wanted, ExtensionHandle special) {
  auto key = PrivateKey::generate();
  if (!key) return failure(key.error());
  const net::X509Handle made(X509_new());
  X509* const certificate = made.get();
  const std::time_t begin = std::chrono::system_clock::to_time_t(wanted.now - kClockSkew);
  const std::time_t end = std::chrono::system_clock::to_time_t(wanted.now + wanted.life);
  if (!made || X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
      ASN1_TIME_set(X509_getm_notBefore(certificate), begin) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), end) == nullptr ||
      !set_common_name(certificate, wanted.name) || X509_set_pubkey(certificate, key->get()) != 1 ||
      !add_extension(certificate, NID_subject_alt_name, "DNS:" + wanted.name) ||
      !add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate, NID_ext_key_usage, "serverAuth") ||
      (special && !add_extension(certificate, std::move(special))) ||
      X509_sign(certificate, key->get(), EVP_sha256()) == 0) {
    return refused("a self-signed certificate cannot be made");
  }
  auto pem = pem_of(certificate);
  if (!pem) return pem;
  return make_pair(*key, *pem, wanted.name);
}

// Checks the pair in the way that the server uses it, because one bad pair makes all pairs
// unusable.
Result<void> check_use(std::string_view pem) {
  TlsCertificate both;
  both.chain_pem = pem;
  const auto pair = net::read_key_pair(both);
  net::cleanse(both.chain_pem);
  if (!pair) return failure(pair.error());
  const auto context = net::make_ssl_context(TLS_server_method());
  if (!context) return failure(context.error());
  return net::use_key_pair(context->get(), *pair);
}

}  // namespace

Result<CertificateFacts> facts_of(std::string_view pem) {
  const auto chain = certificates_in(pem);
  if (!chain) return failure(chain.error());
  return facts_of(chain->front().get());
}

Result<CertificateFacts> check_pair(std::string_view pem, std::string_view name) {
  const auto chain = certificates_in(pem);
  if (!chain) return failure(chain.error());
  const auto key = PrivateKey::from_pem(pem);
  if (!key) return failure(key.error());
  X509* const certificate = chain->front().get();
  if (X509_check_private_key(certificate, key->get()) != 1)
    return refused("the private key does not belong to the certificate");
  CertificateFacts facts = facts_of(certificate);
  if (std::ranges::find(facts.names, name) == facts.names.end())
    return refused("the certificate does not have the name " + std::string(name));
  if (auto used = check_use(pem); !used) return failure(used.error());
  return facts;
}

Result<std::string> make_pair(const PrivateKey& key,
                              std::string_view chain,
                              std::string_view name) {
  const auto certificates = certificates_in(chain);
  if (!certificates) return failure(certificates.error());
  auto pair = key.to_pem();
  if (!pair) return pair;
  for (const net::X509Handle& one : *certificates) {
    const auto pem = pem_of(one.get());
    if (!pem) return pem;
    std::string longer = *pair + *pem;
    net::cleanse(*pair);
    *pair = std::move(longer);
  }
  if (const auto facts = check_pair(*pair, name); !facts) return failure(facts.error());
  return pair;
}

Result<std::string> der_of(std::string_view pem) {
  const auto chain = certificates_in(pem);
  if (!chain) return failure(chain.error());
  unsigned char* der = nullptr;
  const int size = i2d_X509(chain->front().get(), &der);
  if (size <= 0) return refused("a certificate cannot be written");
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

// Only the extension has the names: the common name is optional, and its length is limited.
Result<std::string> make_request(std::span<const std::string> names, const PrivateKey& key) {
  net::forget_tls_errors();
  const RequestHandle request(X509_REQ_new());
  std::string alternatives;
  for (const std::string& name : names)
    alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  const Owned<STACK_OF(X509_EXTENSION),
              [](STACK_OF(X509_EXTENSION) * all) {
                sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
              }>
      extensions(sk_X509_EXTENSION_new_null());
  ExtensionHandle one = extension(nullptr, NID_subject_alt_name, alternatives);
  if (!request || !extensions || !one || sk_X509_EXTENSION_push(extensions.get(), one.get()) == 0) {
    return refused("a certification request cannot be made");
  }
  one.release();  // NOLINT(bugprone-unused-return-value): the list owns it
  unsigned char* der = nullptr;
  int size = 0;
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      (size = i2d_X509_REQ(request.get(), &der)) <= 0) {
    return refused("a certification request cannot be made");
  }
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

Result<std::string> make_placeholder(const std::string& name, WallTime now) {
  return make_self_signed({.name = name, .now = now, .life = kPlaceholderLife}, {});
}

Result<std::string> make_challenge_pair(const std::string& name,
                                        std::string_view key_authorization,
                                        WallTime now) {
  ExtensionHandle special = acme_identifier(key_authorization);
  if (!special) return refused("a certificate for a challenge cannot be made");
  return make_self_signed({.name = name, .now = now, .life = kChallengeLife}, std::move(special));
}

}  // namespace onehop::acme
