// SPDX-License-Identifier: Apache-2.0
//
// The settings that TLS connections share: a server's certificates by name, or the authorities that
// a client trusts. A stream keeps its context alive. Thread: any; constant.
#pragma once

#include <onehop/error.hpp>
#include <onehop/tls.hpp>

#include "net/small_file.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

namespace onehop::net {

class TlsStream;
class TlsTicketKeys;
struct TlsKeyPair;

// Application protocols for ALPN, the preferred one first: "http/1.1".
using TlsProtocols = std::vector<std::string>;

class TlsServerContext {
 public:
  // Reads every file. Errors: Errc::bad_option; the detail names the file and a remedy. `before`:
  // the context in use, or null. Its self-signed certificate stays.
  static Result<std::shared_ptr<const TlsServerContext>> make(
      const TlsServerOptions& options,
      const TlsProtocols& protocols,
      std::shared_ptr<TlsTicketKeys> keys,
      FileKinds kinds = FileKinds::regular,
      const TlsServerContext* before = nullptr);
  ~TlsServerContext();

  // Returns the server's side of a connection over `inner`, before its handshake. Throws
  // std::bad_alloc.
  static std::unique_ptr<TlsStream> accept(std::shared_ptr<const TlsServerContext> context,
                                           std::unique_ptr<Stream> inner);

  const std::vector<TlsCertificateInfo>& certificates() const noexcept { return infos_; }
  // Returns findings that are not errors: certificates that have expired or are not valid yet.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }
  // Returns the indexes of the certificates that no client receives, because an earlier one with
  // the same kind of key serves all their names.
  const std::vector<std::size_t>& unused() const noexcept { return unused_; }

 private:
  TlsServerContext() = default;
  static int on_server_name(ssl_st* ssl, int* alert, void* self);
  static int on_protocols(ssl_st* ssl,
                          const unsigned char** out,
                          unsigned char* size,
                          const unsigned char* offered,
                          unsigned offered_size,
                          void* self);
  static int on_client_hello(ssl_st* ssl, int* alert, void* self);
  void answer_challenges(ssl_ctx_st* context);
  struct Authorities;
  using KeyPairs = std::vector<std::shared_ptr<const TlsKeyPair>>;
  Result<void> add_contexts(const TlsServerOptions& options,
                            const KeyPairs& pairs,
                            const Authorities& authorities);
  Result<ssl_ctx_st*> make_context(const TlsServerOptions& options, const Authorities& authorities);
  ssl_ctx_st* context_for(std::string_view name) const;

  struct Contexts;
  std::unique_ptr<Contexts> contexts_;  // the first one is the default
  std::map<std::string, ssl_ctx_st*, std::less<>> by_name_;
  std::string protocols_;  // in the format of ALPN
  std::shared_ptr<const TlsCertificateSource> source_;
  std::shared_ptr<TlsTicketKeys> keys_;
  std::shared_ptr<const TlsKeyPair> self_made_;  // null if a file or a source has the certificates
  std::vector<TlsCertificateInfo> infos_;
  std::vector<std::string> warnings_;
  std::vector<std::size_t> unused_;
};

// The sessions that can be resumed with one server. The oldest are dropped. Thread: owner.
class TlsSessions {
 public:
  TlsSessions();
  ~TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;

  // Adds a session and takes over the caller's reference.
  void put(ssl_session_st* session);
  // Returns the latest session with a reference for the caller, or null if there is none. A session
  // of TLS 1.3 is returned once (RFC 8446 C.4).
  ssl_session_st* take();

 private:
  std::vector<ssl_session_st*> sessions_;
};

class TlsClientContext {
 public:
  // Reads every file. Errors: as TlsServerContext::make.
  static Result<std::shared_ptr<const TlsClientContext>> make(const TlsClientOptions& options,
                                                              FileKinds kinds = FileKinds::regular);
  ~TlsClientContext();

  // Returns the client's side of a connection to `host`, a name or an IP address, before its
  // handshake, which offers `protocols` by ALPN. `sessions` may be null. Returns null if no
  // certificate can name `host`. Throws std::bad_alloc.
  static std::unique_ptr<TlsStream> connect(std::shared_ptr<const TlsClientContext> context,
                                            std::unique_ptr<Stream> inner,
                                            const std::string& host,
                                            std::shared_ptr<TlsSessions> sessions,
                                            const TlsProtocols& protocols);

 private:
  TlsClientContext() = default;
  Result<void> set_up(const TlsClientOptions& options, FileKinds kinds);

  ssl_ctx_st* context_ = nullptr;
  std::string server_name_;
  bool ignores_missing_goodbye_ = false;
};

}  // namespace onehop::net
