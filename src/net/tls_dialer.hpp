// SPDX-License-Identifier: Apache-2.0
//
// TlsDialer: dials through another dialer and, where the destination asks for TLS, makes the
// handshake on what that gave. Keeps sessions to resume, by destination. One per thread.
#pragma once

#include "net/dialer.hpp"
#include "net/tls_context.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace onehop::net {

// The context of a client, made at its first use: reading the authorities takes a while, and who
// never dials https:// does not need them. Shared by threads.
class LazyTlsClientContext {
 public:
  explicit LazyTlsClientContext(TlsClientOptions options) : options_(std::move(options)) {}
  // `kinds`: of the files, should it be made by this call.
  Result<std::shared_ptr<const TlsClientContext>> get(FileKinds kinds = FileKinds::regular);

 private:
  const TlsClientOptions options_;
  std::mutex mutex_;
  std::shared_ptr<const TlsClientContext> made_;  // guarded by mutex_
};

// Sessions to resume, by server: of those that are connected to, and some more. One thread.
class TlsSessionsByServer {
 public:
  static constexpr std::size_t kServersKept = 256;

  // `server`: host and port.
  std::shared_ptr<TlsSessions> of(const std::string& server);
  std::size_t servers() const noexcept { return all_.size(); }

 private:
  std::map<std::string, std::shared_ptr<TlsSessions>> all_;
  std::size_t forget_at_ = kServersKept;
};

class TlsDialer final : public Dialer {
 public:
  // `total_timeout` is for the inner dialer and the handshake together.
  TlsDialer(io::Reactor& reactor,
            std::unique_ptr<Dialer> inner,
            std::shared_ptr<LazyTlsClientContext> context,
            Duration total_timeout)
      : reactor_(reactor),
        inner_(std::move(inner)),
        context_(std::move(context)),
        total_timeout_(total_timeout) {}

  // Errors of the handshake: see TlsStream; phase tls, retry_safe.
  task<Result<Dialled>> dial(const Destination& destination) override;

 private:
  io::Reactor& reactor_;
  std::unique_ptr<Dialer> inner_;
  std::shared_ptr<LazyTlsClientContext> context_;
  Duration total_timeout_;
  TlsSessionsByServer sessions_;
};

}  // namespace onehop::net
