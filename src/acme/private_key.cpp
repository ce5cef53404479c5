// SPDX-License-Identifier: Apache-2.0
#include "acme/private_key.hpp"

#include "net/tls_handles.hpp"
#include "net/tls_reason.hpp"

#include <array>
#include <new>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

namespace onehop::acme {
namespace {

constexpr std::size_t kCoordinate = 32;

template <class T, auto kFree>
using Owned = std::unique_ptr<T, net::TlsFree<kFree>>;

std::unexpected<Error> refused(const char* what) {
  const std::string reason = net::take_tls_reason(net::TlsErrorIn::file);
  return failure(Errc::bad_option, Side::local,
                 reason.empty() ? std::string(what) : std::string(what) + ": " + reason);
}

int no_pass_phrase(char*, int, int, void*) {
  return 0;
}

std::shared_ptr<EVP_PKEY> shared(EVP_PKEY* key) {
  return {key, [](EVP_PKEY* one) { EVP_PKEY_free(one); }};
}

}  // namespace

Result<PrivateKey> PrivateKey::generate(KeyKind kind) {
  net::forget_tls_errors();
  EVP_PKEY* const key = kind == KeyKind::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  if (key == nullptr) return refused("no key could be made");
  return PrivateKey(shared(key));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  net::forget_tls_errors();
  const net::BioHandle in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* const key =
      in ? PEM_read_bio_PrivateKey(in.get(), nullptr, &no_pass_phrase, nullptr) : nullptr;
  if (key == nullptr) return refused("no private key in PEM form");
  return PrivateKey(shared(key));
}

Result<std::string> PrivateKey::to_pem() const {
  net::forget_tls_errors();
  const net::BioHandle out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    return refused("the key cannot be written");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool PrivateKey::is_p256() const {
  std::array<char, 32> group{};
  return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key_.get(), group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == "prime256v1";
}

std::string PrivateKey::coordinate(const char* name) const {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key_.get(), name, &number) != 1) return {};
  const Owned<BIGNUM, BN_free> owned(number);
  std::array<unsigned char, kCoordinate> bytes{};
  if (BN_bn2binpad(number, bytes.data(), bytes.size()) != static_cast<int>(kCoordinate)) return {};
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// OpenSSL writes a DER sequence of two numbers; JOSE requires the two numbers without it.
Result<std::string> PrivateKey::sign_es256(std::string_view text) const {
  net::forget_tls_errors();
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der{};
  std::size_t size = der.size();
  if (!context || !is_p256() ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return refused("the account key cannot sign");
  }
  const unsigned char* at = der.data();
  const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::array<unsigned char, 2 * kCoordinate> both{};
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), both.data(), kCoordinate) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), both.data() + kCoordinate, kCoordinate) < 0) {
    return refused("the account key cannot sign");
  }
  return std::string(reinterpret_cast<const char*>(both.data()), both.size());
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();  // there is no other reason
  }
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    throw std::bad_alloc();
  }
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace onehop::acme
