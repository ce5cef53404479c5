// SPDX-License-Identifier: Apache-2.0
#include "net/tls_ticket_keys.hpp"

#include "base/c_callback.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace onehop::net {
namespace {

// The results of the callback, as OpenSSL defines them.
constexpr int kFailed = -1;
constexpr int kUnknownKey = 0;  // the client performs a full handshake
constexpr int kUsable = 1;
constexpr int kRenew = 2;  // usable; the client receives a new ticket

// A hundred years. No process is older.
constexpr std::int64_t kMaxSeconds = 100LL * 365 * 24 * 3600;

bool set_mac_key(EVP_MAC_CTX* mac, std::array<unsigned char, 32>& key) {
  static char digest[] = "sha256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

int index_for_keys() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

TlsTicketKeys::TlsTicketKeys(Clock now) : now_(now), keys_(1), made_(now()) {
  fill(keys_.front());
}

void TlsTicketKeys::fill(Key& key) {
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
      RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1) {
    throw std::runtime_error("no random numbers for the keys of session tickets");
  }
}

Result<void> TlsTicketKeys::read(const std::string& file, FileKinds kinds) {
  auto content = read_small_file(file, kinds);
  if (!content || content->size() % kKeySize != 0) {
    const std::string why =
        content ? "has " + std::to_string(content->size()) + " bytes" : content.error();
    return failure(Errc::bad_option, Side::local,
                   file + ": " + why +
                       "; session ticket keys have 80 bytes each: `openssl rand 80 > FILE` makes "
                       "one");
  }
  Keys keys = keys_in(*content);
  cleanse(*content);
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  shared_ = true;
  return {};
}

TlsTicketKeys::Keys TlsTicketKeys::keys_in(std::string_view data) {
  Keys keys(data.size() / kKeySize);
  const auto take = [&data](auto& part) {
    std::memcpy(part.data(), data.data(), part.size());
    data.remove_prefix(part.size());
  };
  for (Key& key : keys) {
    take(key.name);
    take(key.cipher);
    take(key.mac);
  }
  return keys;
}

// The text is the age of the first key in seconds, a colon, and the keys as in a file.
std::string TlsTicketKeys::text() const {
  const std::lock_guard lock(mutex_);
  if (shared_) return {};
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now_() - made_);
  std::string text = std::to_string(age.count()) + ":";
  text.reserve(text.size() + keys_.size() * kKeySize);  // a string that grows leaves copies of keys
  const auto add = [&text](const auto& part) {
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
  };
  for (const Key& key : keys_) {
    add(key.name);
    add(key.cipher);
    add(key.mac);
  }
  return text;
}

bool TlsTicketKeys::continue_with(std::string_view text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, seconds);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != ':') return false;
  const std::string_view data(number.ptr + 1, end);
  const bool is_plausible = seconds >= 0 && seconds <= kMaxSeconds;
  if (!is_plausible || data.empty() || data.size() % kKeySize != 0) return false;
  Keys keys = keys_in(data);
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  made_ = now_() - std::chrono::seconds(seconds);
  return true;
}

void TlsTicketKeys::install(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, index_for_keys(), this);
  SSL_CTX_set_timeout(context, static_cast<long>(kRotation.count()));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context,
                                       &CCallback<&TlsTicketKeys::on_ticket, kFailed>::call);
}

int TlsTicketKeys::on_ticket(SSL* ssl,
                             unsigned char* name,
                             unsigned char* iv,
                             EVP_CIPHER_CTX* cipher,
                             EVP_MAC_CTX* mac,
                             int encrypt) {
  auto* const keys =
      static_cast<TlsTicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_for_keys()));
  const std::lock_guard lock(keys->mutex_);
  keys->rotate();
  if (encrypt) return keys->encrypt(name, iv, cipher, mac);
  const int result = keys->decrypt(name, iv, cipher, mac);
  // A TLS 1.3 client uses a ticket once, so each resumption issues another.
  return result == kUsable && SSL_version(ssl) >= TLS1_3_VERSION ? kRenew : result;
}

void TlsTicketKeys::rotate() {
  const auto now = now_();
  if (shared_ || now - made_ < kRotation) return;
  const bool missed_one = now - made_ >= 2 * kRotation;
  Keys next(missed_one ? 1 : 2);
  fill(next.front());
  if (!missed_one) next.back() = keys_.front();
  keys_ = std::move(next);
  made_ = now;
}

int TlsTicketKeys::encrypt(unsigned char* name,
                           unsigned char* iv,
                           EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac) {
  Key& key = keys_.front();
  const EVP_CIPHER* const algorithm = EVP_aes_256_cbc();
  std::memcpy(name, key.name.data(), key.name.size());
  if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm)) != 1 ||
      EVP_EncryptInit_ex(cipher, algorithm, nullptr, key.cipher.data(), iv) != 1 ||
      !set_mac_key(mac, key.mac)) {
    return kFailed;
  }
  return kUsable;
}

int TlsTicketKeys::decrypt(const unsigned char* name,
                           const unsigned char* iv,
                           EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac) {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [name](const Key& key) {
    return std::memcmp(key.name.data(), name, key.name.size()) == 0;
  });
  if (found == keys_.end()) return kUnknownKey;
  if (!set_mac_key(mac, found->mac) ||
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->cipher.data(), iv) != 1) {
    return kFailed;
  }
  return found == keys_.begin() ? kUsable : kRenew;
}

}  // namespace onehop::net
