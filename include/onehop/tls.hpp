// SPDX-License-Identifier: Apache-2.0
//
// TLS for servers and clients: certificates, whom to trust, and what is known of a TLS connection.
// Plain values. Files are in PEM form.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// A certificate and its private key, from files or as text.
struct TlsCertificate {
  std::string chain_file = {};  // the certificate itself first, then those up to the root
  std::string key_file = {};    // "": the key is in chain_file
  std::string chain_pem = {};   // the text itself, instead of the files
  std::string key_pem = {};     // "": the key is in chain_pem

  bool is_empty() const noexcept { return chain_file.empty() && chain_pem.empty(); }
};

// Whether clients show a certificate. One that is shown always has to be valid.
enum class ClientAuth : std::uint8_t { none, optional, required };

struct TlsServerOptions {
  // Chosen by the name the client asks for; the first one where none matches. An RSA and an ECDSA
  // certificate for one name are both used, as clients can.
  std::vector<TlsCertificate> certificates = {};
  // Instead: an ECDSA certificate for this machine that nobody has signed, new at every start.
  bool self_signed = false;
  // The authorities that sign client certificates. The subject of the one that was shown is in
  // TlsInfo, and ReverseProxy passes it on as X-Client-Certificate-Subject.
  std::string client_ca_file = {};
  ClientAuth client_auth = ClientAuth::none;
  // Keys of session tickets that several servers share: 80 bytes each, the first one encrypts.
  // Without it keys are made at random and rotated every twelve hours.
  std::string ticket_key_file = {};
  // From the connection to the end of the handshake. Past it the connection is closed.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
  // Looks at the files every second, and uses what changed for new connections. Files that cannot
  // be used leave everything as it is, with a line in the log.
  bool watch_files = true;
};

struct TlsClientOptions {
  // Whom to trust; "": the system's authorities.
  std::string ca_file = {};
  // Trusts anybody. For tests: nothing then protects what is sent.
  bool insecure = false;
  // What to show to a server that asks.
  TlsCertificate certificate = {};
  // The name to ask for and to look for in the certificate; "": the host of the URL.
  std::string server_name = {};
  // Takes the end of the connection for the end of a body that has no other end, though the server
  // has not said so with close_notify. Anybody in between can then cut such a body short unnoticed.
  bool ignore_missing_close_notify = false;
};

// What is known of a connection's TLS.
struct TlsInfo {
  std::string_view version;         // "TLSv1.3"
  std::string_view cipher;          // "TLS_AES_128_GCM_SHA256"
  std::string_view protocol;        // what ALPN chose: "h2", "http/1.1"; "" without ALPN
  std::string_view server_name;     // that the client asked for; "" when it did not
  std::string_view client_subject;  // RFC 4514: "CN=alice,O=Example"; "" without a certificate
  bool resumed = false;
};

// A certificate in use.
struct TlsCertificateInfo {
  std::vector<std::string> names;  // as in the certificate: "example.com", "*.example.com"
  std::chrono::system_clock::time_point not_after;
  std::string sha256;  // the fingerprint: "AB:CD:..."
};

}  // namespace onehop
