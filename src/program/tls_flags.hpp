// SPDX-License-Identifier: Apache-2.0
//
// The flags about TLS as they were typed, and what they come to together: the options of server and
// transport, and where to listen. Pure; main thread.
#pragma once

#include <onehop/tls.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace onehop::program {

struct Configuration;

struct TlsFlags {
  // In front: certificates ("self" for one made here) and, in the same order, their keys.
  std::vector<std::string> certificates = {};
  std::vector<std::string> keys = {};
  std::string client_ca = {};
  std::optional<ClientAuth> client_auth = {};
  std::string ticket_keys = {};
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
  // Towards the backend.
  std::string backend_ca = {};
  std::string backend_certificate = {};
  std::string backend_key = {};
  bool insecure = false;
};

// Fills in `configuration.server.tls`, `configuration.transport.tls` and, where the user has not
// said where to listen, `configuration.listen`. Empty when all goes together.
std::string apply_tls_flags(Configuration& configuration, bool listen_was_given);

}  // namespace onehop::program
