// SPDX-License-Identifier: Apache-2.0
//
// TlsPeer: one end of a TLS connection without I/O. Bytes go in and come out as they are on the
// wire, so that a test can withhold or change any of them. Failures of OpenSSL throw. One thread.
#pragma once

#include <onehop/testing.hpp>
#include <onehop/tls.hpp>

#include "net/tls_handles.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::test {

// What connections of one kind have in common. ALPN chooses, or offers, this protocol; "": none.
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

  // What has come from the other end; and the content in it that was not asked for yet.
  void take(std::string_view data);
  std::string content() { return std::exchange(content_, {}); }
  // Records with `content`, and the one that says goodbye. All that is to be sent comes with them.
  std::string seal(std::string_view content);
  std::string seal_goodbye();
  // What the protocol itself has to say.
  std::string to_send();
  // Until neither end has more to say; true when the handshake is done.
  bool shake_hands(testing::Wire& wire);

 private:
  net::SslHandle ssl_;
  BIO* in_;  // these two are owned by ssl_
  BIO* out_;
  std::string content_;
};

}  // namespace onehop::test
