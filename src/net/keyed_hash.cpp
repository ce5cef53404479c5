// SPDX-License-Identifier: Apache-2.0
#include "net/keyed_hash.hpp"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace onehop::net {

std::uint64_t keyed_hash(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* const data = reinterpret_cast<const unsigned char*>(text.data());
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data, text.size(),
            digest.data(), &size)) {
    throw std::runtime_error("keyed_hash: no SHA-256");
  }
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < sizeof hash; ++i)
    hash = (hash << 8U) | digest[i];
  return hash;
}

}  // namespace onehop::net
