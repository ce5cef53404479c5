// SPDX-License-Identifier: Apache-2.0
//
// PrivateKey is the key of an account or of a certificate. This header also has the digests that
// ACME needs.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace onehop::acme {

enum class KeyKind : std::uint8_t { ecdsa_p256, rsa_2048 };

class PrivateKey {
 public:
  // Returns Errc::bad_option if the cryptographic library fails.
  static Result<PrivateKey> generate(KeyKind kind = KeyKind::ecdsa_p256);
  static Result<PrivateKey> from_pem(std::string_view pem);
  // Returns the key in PKCS #8. The caller must overwrite it with net::cleanse.
  Result<std::string> to_pem() const;

  // Reports whether this is an ECDSA key on P-256, the only kind that signs requests.
  bool is_p256() const;
  // x() and y() return the public point of a P-256 key, 32 bytes each; "" for another kind.
  std::string x() const { return coordinate("qx"); }
  std::string y() const { return coordinate("qy"); }
  // Returns the ES256 signature (RFC 7518 §3.4), 64 bytes.
  Result<std::string> sign_es256(std::string_view text) const;

  evp_pkey_st* get() const noexcept { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::string coordinate(const char* name) const;

  std::shared_ptr<evp_pkey_st> key_;  // never null
};

std::string sha256(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);

}  // namespace onehop::acme
