// SPDX-License-Identifier: Apache-2.0
//
// TlsPeer is one end of a TLS connection without I/O. Bytes go in and come out in wire form, so
// that a test can withhold or change any of them. It throws if OpenSSL fails.
// Thread: owner.
#pragma once

#include <onehop/testing.hpp>
#include <onehop/tls.hpp>

#include "net/tls_handles.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::test {

// The configuration of one kind of connection. ALPN chooses or offers this protocol, or none if it
// is "".
class TlsSide {
 public:
  static TlsSide server(const TlsCertificate& certificate, std::string_view protocol);
  static TlsSide client(const std::string& ca_file, std::string_view protocol);

 private:
  friend class TlsPeer;
  TlsSide(const SSL_METHOD* method, std::string_view protocol);

  net::SslContextHandle context_;
  std::unique_ptr<std::string> protocol_;  // the callback of a server refers to it
};

class TlsPeer {
 public:
  explicit TlsPeer(const TlsSide& side);

  // Reads bytes of the other end; content() returns the content not returned yet.
  void take(std::string_view data);
  std::string content() { return std::exchange(content_, {}); }
  // Return records with `content` and with close_notify, preceded by everything that waits to be
  // sent.
  std::string seal(std::string_view content);
  std::string seal_goodbye();
  // Returns the protocol's own bytes to send.
  std::string to_send();
  // Exchanges bytes until neither end has more. Returns true if the handshake is complete.
  bool shake_hands(testing::Wire& wire);

 private:
  net::SslHandle ssl_;
  BIO* in_;  // these two are owned by ssl_
  BIO* out_;
  std::string content_;
};

}  // namespace onehop::test
