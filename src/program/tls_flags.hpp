// SPDX-License-Identifier: Apache-2.0
//
// The TLS flags as typed, and their combination into the options of server and transport.
// Thread: owner.
#pragma once

#include <onehop/server.hpp>
#include <onehop/tls.hpp>
#include <onehop/transport.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

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

// Fills in the TLS options of server and transport for a backend with that scheme. Returns "" if
// the flags are consistent.
std::string apply_tls_flags(const TlsFlags& flags,
                            std::string_view backend_scheme,
                            Server::Options& server,
                            Transport::Options& transport);

}  // namespace onehop::program
