// SPDX-License-Identifier: Apache-2.0
//
// Configuration: everything the command line and the environment decide, with the program's
// defaults. Filled in by parse_command_line through the table in settings.cpp; read-only
// afterwards.
#pragma once

#include <onehop/server.hpp>
#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include "program/account.hpp"
#include "program/field_edit.hpp"
#include "program/tls_flags.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onehop::program {

enum class Command : std::uint8_t { proxy, demo, version, help };
enum class AccessLogFormat : std::uint8_t { off, text, json };

struct Configuration {
  // Where the demo listens when it is not told; a neighbouring port will do as well.
  static std::vector<std::string> demo_listen() { return {"127.0.0.1:8080"}; }

  Command command = Command::proxy;
  Url backend;
  // Addresses of the library, and redirect:// ones.
  std::vector<std::string> listen = {":80"};

  Server::Options server = {};
  Transport::Options transport = {.response_timeout = std::chrono::minutes(5)};
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);

  TlsFlags tls = {};
  // "keep", "backend", or the name to send.
  std::string host_header = "keep";
  std::vector<FieldEdit> header_up = {};
  std::vector<FieldEdit> header_down = {};
  std::vector<std::string> allow_fields = {};
  std::vector<std::string> upgrades = {"websocket"};
  // Whom to become once the listeners are open.
  std::optional<Account> user = {};

  // What the user should hear of, although it is no reason not to start.
  std::vector<std::string> warnings = {};

  AccessLogFormat access_log = AccessLogFormat::text;
  bool verbose = false;
};

}  // namespace onehop::program
