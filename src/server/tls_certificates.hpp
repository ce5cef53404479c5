// SPDX-License-Identifier: Apache-2.0
//
// TlsCertificates holds the certificates and keys for new TLS connections. A thread of its own
// reads the files again when one has changed; reload() reads them at once. A connection keeps the
// certificate that it began with.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>
#include <onehop/tls.hpp>

#include "net/tls_context.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace onehop::server {

// How a connection with TLS begins.
struct TlsTerms {
  std::shared_ptr<const net::TlsServerContext> context;
  std::chrono::nanoseconds timeout;  // of the handshake
};

class TlsCertificates {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  // Reads the files. Errors: Errc::bad_option; the detail names the file, the problem and the
  // remedy. `before`: the certificates in use, or null. Their TLS sessions can be resumed. They
  // stay if their options are unchanged and a file can be read only once, such as a pipe. A
  // self-signed certificate always stays.
  static Result<std::shared_ptr<TlsCertificates>> load(const TlsServerOptions& options,
                                                       const net::TlsProtocols& protocols,
                                                       Log log,
                                                       const TlsCertificates* before = nullptr);
  // Starts looking at the files every second, if the options ask for it.
  void watch();
  // Looks at the files once. Called by the watching thread, or by a test in its place.
  void look();
  // See Server::ticket_keys() and Server::Options::ticket_keys. continue_with_ticket_keys() is
  // called before the first connection.
  std::string ticket_keys() const;
  void continue_with_ticket_keys(std::string_view text);
  // Reads everything again. After an error nothing has changed. Calls wait for each other, so that
  // the files read last are those in use.
  // Thread: any.
  Result<void> reload();

  std::shared_ptr<const net::TlsServerContext> current() const;
  std::vector<TlsCertificateInfo> certificates() const { return current()->certificates(); }
  // Returns the terms for connections that begin now.
  TlsTerms terms() const { return {current(), options_.handshake_timeout}; }

 private:
  // A text that differs between two states of the files.
  using Stamp = std::string;

  TlsCertificates(TlsServerOptions options,
                  net::TlsProtocols protocols,
                  Log log,
                  std::shared_ptr<net::TlsTicketKeys> ticket_keys);
  Stamp stamp() const;
  bool stays_as(const TlsCertificates& before) const;
  // `before`: see TlsServerContext::make().
  Result<void> read(const net::TlsServerContext* before, net::FileKinds kinds);
  void watch_until_stopped(const std::stop_token& stop);

  const TlsServerOptions options_;
  const net::TlsProtocols protocols_;
  const Log log_;
  const std::shared_ptr<net::TlsTicketKeys> ticket_keys_;
  bool has_pipe_ = false;  // a file is not regular; set before any other thread uses this
  // Used only by the watching thread, once there is one.
  Stamp loaded_;            // of the files in use
  Stamp seen_;              // at the last look
  Stamp refused_;           // of files that could not be used
  int looks_to_retry_ = 0;  // until refused_ is tried again

  std::mutex reloading_;
  mutable std::mutex mutex_;
  std::shared_ptr<const net::TlsServerContext> current_;  // guarded by mutex_

  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
  std::jthread watcher_;  // last: it uses everything above
};

}  // namespace onehop::server
