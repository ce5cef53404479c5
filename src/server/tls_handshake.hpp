// SPDX-License-Identifier: Apache-2.0
//
// TlsHandshake is a connection during its TLS handshake. Afterwards it hands the stream on to the
// negotiated protocol, and ends.
// Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/root_task.hpp"
#include "net/tls_context.hpp"
#include "net/tls_stream.hpp"
#include "server/client_connection.hpp"
#include "server/tls_certificates.hpp"

#include <memory>

namespace onehop::server {

class TlsHandshake final : public ClientConnection {
 public:
  TlsHandshake(WorkerContext& worker,
               TlsTerms terms,
               std::unique_ptr<net::Stream> stream,
               const AcceptedFrom& from);
  ~TlsHandshake() override;

  void start() override;
  void end_when_idle() noexcept override;

 private:
  void on_ended();
  friend class RootTask<TlsHandshake>;
  RootTask<TlsHandshake> run();
  void on_exception() noexcept;
  bool was_challenge() const noexcept;
  void count(const Error* failure, net::Time began) noexcept;
  task<void> refuse(Error error);
  void log_failure(const Error& error) const;

  std::unique_ptr<net::TlsStream> stream_;
  AcceptedFrom from_;
  const net::Duration timeout_;
  bool established_ = false;
  io::Wakeup ended_;
  RootTask<TlsHandshake> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
