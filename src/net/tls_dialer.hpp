// SPDX-License-Identifier: Apache-2.0
//
// TlsDialer dials through another dialer, sends the destination's preamble, and performs the TLS
// handshake if the destination asks for it. It keeps sessions for resumption by destination. There
// is one TlsDialer per thread. Thread: owner.
#pragma once

#include "net/dialer.hpp"
#include "net/tls_context.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace onehop::net {

// Makes a client's context at its first use, because reading the authorities takes milliseconds and
// only https:// needs them. Thread: any.
class LazyTlsClientContext {
 public:
  explicit LazyTlsClientContext(TlsClientOptions options) : options_(std::move(options)) {}
  // Errors: Errc::bad_option; the next call tries again. `kinds` applies if this call reads the
  // files.
  Result<std::shared_ptr<const TlsClientContext>> get(FileKinds kinds = FileKinds::regular);

 private:
  const TlsClientOptions options_;
  std::mutex mutex_;
  std::shared_ptr<const TlsClientContext> made_;  // guarded by mutex_
};

// The sessions for resumption by server: those of all servers in use, and of some that were in use.
// Thread: owner.
class TlsSessionsByServer {
 public:
  static constexpr std::size_t kServersKept = 256;

  // Returns the sessions of `server`, "host:port".
  std::shared_ptr<TlsSessions> of(const std::string& server);
  std::size_t servers() const noexcept { return all_.size(); }

 private:
  std::map<std::string, std::shared_ptr<TlsSessions>> all_;
  std::size_t forget_at_ = kServersKept;
};

class TlsDialer final : public Dialer {
 public:
  // `total_timeout` covers the inner dialer and the handshake together.
  TlsDialer(io::Reactor& reactor,
            std::unique_ptr<Dialer> inner,
            std::shared_ptr<LazyTlsClientContext> context,
            Duration total_timeout)
      : reactor_(reactor),
        inner_(std::move(inner)),
        context_(std::move(context)),
        total_timeout_(total_timeout) {}

  // Errors: those of the inner dialer, of writing, and of TlsStream::handshake, all retry_safe.
  task<Result<Dialled>> dial(const Destination& destination) override;

 private:
  io::Reactor& reactor_;
  std::unique_ptr<Dialer> inner_;
  std::shared_ptr<LazyTlsClientContext> context_;
  Duration total_timeout_;
  TlsSessionsByServer sessions_;
};

}  // namespace onehop::net
