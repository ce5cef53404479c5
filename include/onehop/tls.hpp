// SPDX-License-Identifier: Apache-2.0
//
// TLS options of servers and clients, and the description of a TLS connection. All types but
// TlsCertificateSource are values. Files are in PEM form.
#pragma once

#include <onehop/limit.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// TlsCertificate is a certificate and its private key, from files or as text.
struct TlsCertificate {
  std::string chain_file = {};  // the certificate first, then its issuers up to the root
  std::string key_file = {};    // "": the key is in chain_file
  std::string chain_pem = {};   // the text, instead of a file
  std::string key_pem = {};     // "": the key is in chain_pem

  // Reports whether neither a file nor a text is set.
  bool is_empty() const noexcept { return chain_file.empty() && chain_pem.empty(); }
  friend bool operator==(const TlsCertificate&, const TlsCertificate&) = default;
};

// TlsCertificateSource provides certificates that come and change while a server runs, such as
// those from an ACME client. Thread: any; several threads call it at the same time.
class TlsCertificateSource {
 public:
  TlsCertificateSource() = default;
  TlsCertificateSource(const TlsCertificateSource&) = delete;
  TlsCertificateSource& operator=(const TlsCertificateSource&) = delete;
  virtual ~TlsCertificateSource() = default;

  // Returns the certificates, which are used as if they followed TlsServerOptions::certificates.
  virtual std::vector<TlsCertificate> certificates() const = 0;
  // Returns a number that changes when the result of certificates() changes. A server compares it
  // every second (TlsServerOptions::watch_files), and at once in Server::reload_tls().
  virtual std::uint64_t version() const = 0;
  // Returns the certificate for a handshake in which an authority verifies the name, that is, a
  // handshake that offers only the protocol "acme-tls/1" (tls-alpn-01, RFC 8737). Nothing is served
  // on such a connection. Returning std::nullopt, the default, refuses it. It is called during the
  // handshake, so it must not wait.
  virtual std::optional<TlsCertificate> challenge_certificate(std::string_view server_name) const;
};

// ClientAuth decides whether clients must present a certificate. A certificate that is presented
// must be valid in any case.
enum class ClientAuth : std::uint8_t { none, optional, required };

// TlsServerOptions configures TLS for the clients of a Server.
struct TlsServerOptions {
  // The certificates. The server name that the client asks for selects one; the first one is used
  // if none matches. An RSA and an ECDSA certificate for one name are both used, depending on what
  // the client supports.
  std::vector<TlsCertificate> certificates = {};
  // Provides more certificates. May be null.
  std::shared_ptr<const TlsCertificateSource> source = {};
  // Uses a self-signed ECDSA certificate for this machine instead, which is new at every start.
  bool self_signed = false;
  // The authorities of client certificates. The subject of the client's certificate is in TlsInfo,
  // and ReverseProxy passes it on as X-Client-Certificate-Subject.
  std::string client_ca_file = {};
  // `optional` and `required` need client_ca_file; `none` does not allow one.
  ClientAuth client_auth = ClientAuth::none;
  // Keys of session tickets, to be shared by several servers: 80 bytes each; the first one
  // encrypts. By default keys are random and rotated every twelve hours.
  std::string ticket_key_file = {};
  // The time from accepting a connection to the end of the handshake. If exceeded, the connection
  // is closed.
  Limit<std::chrono::nanoseconds> handshake_timeout = std::chrono::seconds(10);
  // Looks at the files, and the version of the source, every second and uses changed ones for new
  // connections. If they cannot be used, the log says so and the old ones stay in use.
  bool watch_files = true;

  friend bool operator==(const TlsServerOptions&, const TlsServerOptions&) = default;
};

// TlsClientOptions configures TLS for the upstreams of a Transport.
struct TlsClientOptions {
  // The authorities to trust; "": the system's.
  std::string ca_file = {};
  // Accepts any certificate, which leaves the connection unprotected. For tests.
  bool insecure = false;
  // The client certificate, for servers that ask for one.
  TlsCertificate certificate = {};
  // The server name to ask for and to verify; "": the host of the URL.
  std::string server_name = {};
  // Accepts a body that is delimited by the end of the connection although the server did not send
  // close_notify. An attacker on the path can then truncate such a body without being noticed.
  bool ignore_missing_close_notify = false;

  friend bool operator==(const TlsClientOptions&, const TlsClientOptions&) = default;
};

// TlsInfo describes the TLS of a connection.
struct TlsInfo {
  std::string_view version;         // "TLSv1.3"
  std::string_view cipher;          // "TLS_AES_128_GCM_SHA256"
  std::string_view protocol;        // selected by ALPN: "h2", "http/1.1"; "" without ALPN
  std::string_view server_name;     // requested by the client; "" if it sent none
  std::string_view client_subject;  // RFC 4514: "CN=alice,O=Example"; "" without a certificate
  bool resumed = false;             // continues the session of an earlier connection
};

// TlsCertificateInfo describes a certificate in use.
struct TlsCertificateInfo {
  std::vector<std::string> names;  // as in the certificate: "example.com", "*.example.com"
  std::chrono::system_clock::time_point not_after;  // the end of its validity
  std::string sha256;                               // the fingerprint: "AB:CD:..."
};

}  // namespace onehop
