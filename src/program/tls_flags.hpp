// SPDX-License-Identifier: Apache-2.0
//
// The flags about TLS as they were typed, and what they come to together: the options of server and
// transport. Pure; main thread.
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
  std::string backend_name = {};
  bool insecure = false;
  bool ignore_missing_close_notify = false;
};

// Fills in `configuration.server.tls` and `configuration.transport.tls`. Empty if the flags go
// together.
std::string apply_tls_flags(Configuration& configuration);

}  // namespace onehop::program
