// SPDX-License-Identifier: Apache-2.0
//
// TlsTicketKeys holds the keys that encrypt session tickets. They are random and rotate, or come
// from a file that several servers share. Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "net/locked_memory.hpp"
#include "net/small_file.hpp"
#include "net/tls_handles.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::net {

class TlsTicketKeys {
 public:
  // A key encrypts for this long, and then decrypts for as long again: the lifetime of a ticket.
  static constexpr std::chrono::seconds kRotation = std::chrono::hours(12);
  static constexpr std::size_t kKeySize = 80;

  using Clock = std::chrono::steady_clock::time_point (*)() noexcept;
  explicit TlsTicketKeys(Clock now = &std::chrono::steady_clock::now);
  TlsTicketKeys(const TlsTicketKeys&) = delete;
  TlsTicketKeys& operator=(const TlsTicketKeys&) = delete;

  // Reads keys of 80 bytes each from a file. The first encrypts, all decrypt, and none rotates.
  // Errors: Errc::bad_option; the present keys then stay in use.
  Result<void> read(const std::string& file, FileKinds kinds = FileKinds::regular);

  // Returns the keys and their age for another process, or "" if they come from a file.
  std::string text() const;
  // Continues with the keys of such a text. If `text` is malformed, changes nothing and returns
  // false.
  bool continue_with(std::string_view text);

  // Makes `context` use these keys. They must outlive it.
  void install(SSL_CTX* context);

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
  };
  using Keys = std::vector<Key, LockedAllocator<Key>>;

  static void fill(Key& key);
  // `data` is a whole number of keys.
  static Keys keys_in(std::string_view data);
  static int on_ticket(SSL* ssl,
                       unsigned char* name,
                       unsigned char* iv,
                       EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac,
                       int encrypt);
  int encrypt(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  int decrypt(const unsigned char* name,
              const unsigned char* iv,
              EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac);
  void rotate();

  const Clock now_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Keys keys_;  // the first one encrypts
  std::chrono::steady_clock::time_point made_;
  bool shared_ = false;
};

}  // namespace onehop::net
