// SPDX-License-Identifier: Apache-2.0
//
// Configuration: all settings from the command line and the environment, with the program's
// defaults. parse_command_line() fills it in through the table in settings.cpp.
// Thread: any; constant.
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
  // The demo's default address; if its port is in use, the next ports are tried.
  static std::vector<std::string> demo_listen() { return {"127.0.0.1:8080"}; }

  Command command = Command::proxy;
  Url backend;
  // Addresses of the library, and redirect:// ones.
  std::vector<std::string> listen = {":80"};

  Server::Options server = {};
  Transport::Options transport = {.response_timeout = std::chrono::minutes(5)};
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);

  TlsFlags tls = {};
  // "keep", "backend", or the host to send.
  std::string host_header = "keep";
  std::vector<FieldEdit> header_up = {};
  std::vector<FieldEdit> header_down = {};
  std::vector<std::string> allow_fields = {};
  std::vector<std::string> upgrades = {"websocket"};
  // The account to change to once the listeners are open.
  std::optional<Account> user = {};

  // Problems that the user should know but that do not prevent serving.
  std::vector<std::string> warnings = {};

  AccessLogFormat access_log = AccessLogFormat::text;
  bool verbose = false;
};

}  // namespace onehop::program
