// SPDX-License-Identifier: Apache-2.0
//
// ServerShared: what all workers of a server share: its options and listeners, the TLS files, the
// admission of connections and requests, and the log. Set up by one thread before the workers run.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "http/trusted_peers.hpp"
#include "net/tcp_listener.hpp"
#include "server/admission.hpp"
#include "server/line_limit.hpp"
#include "server/line_writer.hpp"
#include "server/tls_certificates.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace onehop::server {

struct ServerShared {
  // Standard error, for a server without Options::log. First: the members after it may log.
  mutable LineWriter default_log{STDERR_FILENO};
  Server::Options options;
  std::vector<std::string> local_names;  // one for each listener
  std::vector<bool> with_tls;            // likewise; those not in it are without TLS
  std::vector<std::shared_ptr<net::TcpListener>> listeners;
  std::shared_ptr<TlsCertificates> tls;  // null without TLS
  Admission admission;
  TrustedPeers trusted;
  // For lines that clients can cause.
  LineLimit shortage_lines;
  LineLimit handshake_lines;
  LineLimit plain_http_lines;
  LineLimit upgrade_lines;

  bool is_with_tls(std::size_t listener) const {
    return listener < with_tls.size() && with_tls[listener];
  }
  // Sets tls from the options.
  Result<void> prepare_tls();
  // Sets trusted from the options; throws std::invalid_argument for text that is not a network.
  void prepare_trust() { trusted = TrustedPeers(options.trust); }
  // Sets the limits of admission from the options.
  void set_limits();
  void log(LogLevel level, std::string_view text) const;
  // Logs a warning if `limit` admits it, and else an info line. Returns true in the first case.
  bool log_limited(LineLimit& limit, io::Time now, std::string text) const;
  // Logs how many lines were left out: by limits whose pause is over, or without `now` by all.
  // Returns whether there are more.
  bool log_untold(std::optional<io::Time> now);
};

}  // namespace onehop::server
