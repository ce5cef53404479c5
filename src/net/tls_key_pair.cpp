// SPDX-License-Identifier: Apache-2.0
#include "net/tls_key_pair.hpp"

#include "base/hexadecimal.hpp"
#include "net/locked_memory.hpp"
#include "net/tls_reason.hpp"
#include "net/tls_time.hpp"

#include <array>
#include <ctime>
#include <utility>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace onehop::net {
namespace {

constexpr long kSelfSignedSeconds = 365L * 24 * 3600;

std::unexpected<Error> refuse_pair(std::string detail) {
  forget_tls_errors();
  return failure(Errc::bad_option, Side::local, std::move(detail));
}

// A text in PEM format and its origin for messages. The text is overwritten at destruction.
struct Source {
  Source(std::string from, std::string content)
      : place(std::move(from)), text(std::move(content)) {}
  Source(const Source&) = default;
  Source(Source&&) noexcept = default;
  Source& operator=(const Source&) = delete;
  Source& operator=(Source&& other) noexcept {
    std::swap(place, other.place);
    std::swap(text, other.text);
    return *this;
  }
  ~Source() { cleanse(text); }

  std::string place;
  std::string text;
};

Result<Source> read_source(const std::string& file,
                           const std::string& pem,
                           FileKinds kinds,
                           const char* what) {
  if (!pem.empty()) return Source{std::string("the given ") + what, pem};
  auto text = read_small_file(file, kinds);
  if (!text) {
    return refuse_pair(file + ": " + text.error() + " (this should be the " + what +
                       ", in PEM form)");
  }
  return Source{file, std::move(*text)};
}

BioHandle reader_of(const std::string& text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<std::vector<X509Handle>> certificates_in(const Source& source) {
  forget_tls_errors();
  const BioHandle in = reader_of(source.text);
  std::vector<X509Handle> found;
  while (X509* one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))
    found.emplace_back(one);
  const std::string reason = take_tls_reason(TlsErrorIn::file);
  if (reason != "no start line") {
    return refuse_pair(source.place + ": certificate " + std::to_string(found.size() + 1) +
                       " in it cannot be read: " + reason);
  }
  if (!found.empty()) return found;
  if (source.text.find("PRIVATE KEY-----") != std::string::npos) {
    return refuse_pair(source.place + ": this is a private key; the certificate is missing");
  }
  if (const std::string help = how_to_convert(source.text, source.place); !help.empty()) {
    return refuse_pair(source.place + ": " + help);
  }
  return refuse_pair(source.place +
                     ": no certificate in it (it should have a PEM block: "
                     "-----BEGIN CERTIFICATE-----)");
}

int refuse_to_ask(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

Result<KeyHandle> key_in(const Source& source) {
  forget_tls_errors();
  const BioHandle in = reader_of(source.text);
  bool asked = false;
  KeyHandle key(PEM_read_bio_PrivateKey(in.get(), nullptr, &refuse_to_ask, &asked));
  if (key) return key;
  if (asked) {
    return refuse_pair(source.place + ": the private key is encrypted; `openssl pkey -in " +
                       source.place + " -out " + source.place +
                       ".pem` writes it without its pass phrase");
  }
  const std::string reason = take_tls_reason(TlsErrorIn::file);
  // OpenSSL cannot read a key in OpenSSH's format, although the END line of its PEM block looks
  // alike.
  if (const std::string help = how_to_convert(source.text, source.place); !help.empty()) {
    return refuse_pair(source.place + ": " + help);
  }
  if (source.text.find("PRIVATE KEY-----") != std::string::npos) {
    return refuse_pair(source.place + ": the private key cannot be read: " + reason);
  }
  return refuse_pair(source.place +
                     ": no private key in it (it should have a PEM block: "
                     "-----BEGIN PRIVATE KEY-----)");
}

void describe(TlsKeyPair& pair, const std::string& place) {
  X509* const certificate = pair.certificate.get();
  pair.info.names = names_of(certificate);
  pair.info.not_after = time_of(X509_get0_notAfter(certificate));
  pair.info.sha256 = fingerprint_of(certificate);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    pair.warning = place + ": the certificate expired at " +
                   date_of(X509_get0_notAfter(certificate)) + "; clients will refuse it";
  } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    pair.warning = place + ": the certificate is not valid before " +
                   date_of(X509_get0_notBefore(certificate)) + "; clients will refuse it";
  }
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool set_identity(X509* certificate, const std::string& alternatives) {
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7fU) | 1U);  // positive and of full length
  BIGNUM* const number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  const bool numbered = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  X509_NAME* const name = X509_get_subject_name(certificate);
  static constexpr unsigned char kName[] = "onehop self-signed";
  return numbered && X509_set_version(certificate, X509_VERSION_3) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kName, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kSelfSignedSeconds) != nullptr &&
         add_extension(certificate, NID_subject_alt_name, alternatives) &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth");
}

}  // namespace

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    if (i > 0) text += ':';
    append_hexadecimal(text, digest[i], kUpperHex);
  }
  return text;
}

std::string date_of(const ASN1_TIME* time) {
  const std::time_t second = std::chrono::system_clock::to_time_t(time_of(time));
  std::tm fields{};
  ::gmtime_r(&second, &fields);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &fields);
  return text.data();
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* const alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(alternatives, i);
    if (one->type == GEN_DNS) {
      const ASN1_STRING* const text = one->d.dNSName;
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text)));
    } else if (one->type == GEN_IPADD) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int family = ASN1_STRING_length(one->d.iPAddress) == 4 ? AF_INET : AF_INET6;
      if (::inet_ntop(family, ASN1_STRING_get0_data(one->d.iPAddress), text.data(), text.size())) {
        names.emplace_back(text.data());
      }
    }
  }
  const bool has_alternatives = alternatives != nullptr;
  GENERAL_NAMES_free(alternatives);
  if (has_alternatives) return names;
  std::array<char, 256> common{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common.data(),
                                common.size()) > 0) {
    names.emplace_back(common.data());
  }
  return names;
}

Result<TlsKeyPair> read_key_pair(const TlsCertificate& source, FileKinds kinds) {
  const auto chain = read_source(source.chain_file, source.chain_pem, kinds, "certificate chain");
  if (!chain) return failure(chain.error());
  Source key_source = *chain;
  if (!source.key_file.empty() || !source.key_pem.empty()) {
    auto given = read_source(source.key_file, source.key_pem, kinds, "private key");
    if (!given) return failure(given.error());
    key_source = std::move(*given);
  }
  auto certificates = certificates_in(*chain);
  if (!certificates) return failure(certificates.error());
  auto key = key_in(key_source);
  if (!key) return failure(key.error());
  TlsKeyPair pair;
  pair.key = std::move(*key);
  pair.certificate = std::move(certificates->front());
  certificates->erase(certificates->begin());
  pair.chain = std::move(*certificates);
  if (X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
    return refuse_pair(
        key_source.place + ": the private key does not belong to the first certificate of " +
        chain->place + " (" + text_of(X509_get_subject_name(pair.certificate.get())) + ")");
  }
  describe(pair, chain->place);
  pair.place = chain->place;
  return pair;
}

Result<TlsKeyPair> make_self_signed_pair() {
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  std::string alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1";
  const std::string_view host = machine.data();
  const bool usable =
      !host.empty() &&
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
          host.npos;
  if (usable && host != "localhost") alternatives.append(",DNS:").append(host);
  TlsKeyPair pair;
  pair.key.reset(EVP_EC_gen("P-256"));
  pair.certificate.reset(X509_new());
  if (!pair.key || !pair.certificate || !set_identity(pair.certificate.get(), alternatives) ||
      X509_set_pubkey(pair.certificate.get(), pair.key.get()) != 1 ||
      X509_sign(pair.certificate.get(), pair.key.get(), EVP_sha256()) == 0) {
    return refuse_pair("a self-signed certificate could not be made: " +
                       take_tls_reason(TlsErrorIn::file));
  }
  pair.place = "the self-signed certificate";
  describe(pair, pair.place);
  return pair;
}

Result<std::vector<X509Handle>> read_certificates(const std::string& file, FileKinds kinds) {
  const auto source = read_source(file, {}, kinds, "certificates of authorities");
  if (!source) return failure(source.error());
  return certificates_in(*source);
}

}  // namespace onehop::net
