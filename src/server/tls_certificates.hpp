// SPDX-License-Identifier: Apache-2.0
//
// TlsCertificates: what the server's TLS connections are made with now. Read again when a file has
// changed, from a thread of its own, or when asked to; connections keep what they began with. Any
// thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>
#include <onehop/tls.hpp>

#include "net/tls_context.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace onehop::server {

class TlsCertificates {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  // Errors: Errc::bad_option; the detail names the file, the problem and the remedy.
  static Result<std::shared_ptr<TlsCertificates>> load(const TlsServerOptions& options,
                                                       const net::TlsProtocols& protocols,
                                                       Log log);
  // Begins to look at the files every second, if the options ask for it.
  void watch();
  // One such look. For the watching thread, or for a test in its place.
  void look();
  // Reads everything again. After an error nothing has changed. Thread: any; calls wait for each
  // other, so that what was read last is what is used.
  Result<void> reload();

  std::shared_ptr<const net::TlsServerContext> current() const;
  std::vector<TlsCertificateInfo> certificates() const { return current()->certificates(); }
  std::chrono::nanoseconds handshake_timeout() const noexcept { return options_.handshake_timeout; }

 private:
  // Differs between two states of the files.
  using Stamp = std::string;

  TlsCertificates(TlsServerOptions options, net::TlsProtocols protocols, Log log);
  Stamp stamp() const;
  void watch_until_stopped(const std::stop_token& stop);

  const TlsServerOptions options_;
  const net::TlsProtocols protocols_;
  const Log log_;
  std::shared_ptr<net::TlsTicketKeys> ticket_keys_;
  // Of the watching thread, once there is one.
  Stamp loaded_;  // when the files were read last
  Stamp seen_;    // at the last look

  std::mutex reloading_;
  mutable std::mutex mutex_;
  std::shared_ptr<const net::TlsServerContext> current_;  // guarded by mutex_

  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
  std::jthread watcher_;  // last: it uses everything above
};

}  // namespace onehop::server
