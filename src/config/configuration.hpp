// SPDX-License-Identifier: Apache-2.0
//
// Configuration holds all settings from the command line, the environment and the configuration
// files, with the program's defaults. load() fills it in through the table in settings.cpp.
// Thread: any; constant.
#pragma once

#include <onehop/server.hpp>
#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include "config/account.hpp"
#include "config/acme_values.hpp"
#include "config/admin_settings.hpp"
#include "config/field_edit.hpp"
#include "config/table_settings.hpp"
#include "config/tls_flags.hpp"
#include "config/upstream_settings.hpp"
#include "observe/log_destination.hpp"
#include "observe/log_format.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop::config {

enum class Command : std::uint8_t {
  proxy,
  demo,
  check,
  status,
  reload,
  drain,
  stop,
  log_level,
  upgrade,
  acme,
  completion,
  version,
  help
};

struct Configuration {
  // The demo's default address; if its port is in use, the next ports are tried.
  static std::vector<std::string> demo_listen() { return {"127.0.0.1:8080"}; }

  Command command = Command::proxy;
  // The words after the command's, and the command's own flags: "json".
  std::vector<std::string> command_words = {};
  std::vector<std::string> command_flags = {};
  // The files and directories that were read, as named.
  std::vector<std::string> config_files = {};
  bool watch_config = false;

  // The first of `backends`; not absolute if there are none.
  Url backend;
  std::vector<BackendAddress> backends = {};
  UpstreamSettings upstream = {};
  // Addresses in the library's form, and redirect:// ones.
  std::vector<std::string> listen = {":80"};

  Server::Options server = {};
  Transport::Options transport = {.response_timeout = std::chrono::minutes(5)};
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds drain_delay{0};

  TlsFlags tls = {};
  // "keep", "backend", or the host to send.
  std::string host_header = "keep";
  bool map_back_host = false;
  std::vector<FieldEdit> header_up = {};
  std::vector<FieldEdit> header_down = {};
  std::vector<std::string> allow_fields = {};
  std::vector<std::string> upgrades = {"websocket"};
  // The account that the process changes to once its listeners are open.
  std::optional<Account> user = {};

  // Problems that the user should know about but that do not prevent serving.
  std::vector<std::string> warnings = {};

  AcmeSettings acme = {};
  AdminSettings admin = {};
  observe::AccessLogFormat access_log = observe::AccessLogFormat::text;
  observe::LogDestination access_log_to = {};
  // Where spans are sent. If std::nullopt, the proxy passes trace fields on and records no spans.
  std::optional<Url> trace = {};
  double trace_sample = 0.01;
  std::vector<std::string> access_log_fields = {};  // empty: the default line
  bool verbose = false;
  bool core_dumps = false;
  // Restricts the process to the files that it needs, if the kernel supports that.
  bool landlock = true;

  // The tables of the files. Each is a complete configuration: its own settings, and the values at
  // the top for all others.
  std::vector<std::shared_ptr<const Configuration>> upstreams = {};
  std::vector<std::shared_ptr<const Configuration>> routes = {};
  // Set in the configuration of a table only.
  TableSettings table = {};
};

}  // namespace onehop::config
