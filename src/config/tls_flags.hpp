// SPDX-License-Identifier: Apache-2.0
//
// The TLS flags as typed, and their combination into the options of server and transport.
// Thread: owner.
#pragma once

#include <onehop/server.hpp>
#include <onehop/tls.hpp>
#include <onehop/transport.hpp>

#include "config/contradiction.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct TlsFlags {
  // Client side: certificates ("self" for a self-made one) and, in the same order, their keys.
  std::vector<std::string> certificates = {};
  std::vector<std::string> keys = {};
  std::string client_ca = {};
  std::optional<ClientAuth> client_auth = {};
  std::string ticket_keys = {};
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
  // Backend side.
  std::string backend_ca = {};
  std::string backend_certificate = {};
  std::string backend_key = {};
  std::string backend_name = {};
  bool insecure = false;
  bool ignore_missing_close_notify = false;
};

// Fills in the TLS options of the server. If `has_acme`, the server has certificates by ACME as
// well. Returns how the settings contradict each other.
Contradictions apply_client_side_tls(const TlsFlags& flags, bool has_acme, Server::Options& server);

// Does the same for a backend with the scheme `scheme`. A setting that has no effect is reported,
// and the others are still filled in.
Contradictions apply_backend_tls(const TlsFlags& flags,
                                 std::string_view scheme,
                                 Transport::Options& transport);

}  // namespace onehop::config
