// SPDX-License-Identifier: Apache-2.0
//
// Parses the command line of the load generators. parse_load_options() returns std::nullopt if the
// usage must be printed.
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bench {

enum class LoadMode { closed, newconn, resume, websocket, idle };

struct LoadOptions {
  LoadMode mode = LoadMode::closed;
  int port = 0;
  std::size_t connections = 64;
  double seconds = 1;
  std::string request;  // the raw head
  std::uint64_t body = 0;
  int status = 200;
  std::uint64_t expect = 0;
};

inline std::optional<LoadMode> parse_load_mode(std::string_view name) {
  if (name == "closed") return LoadMode::closed;
  if (name == "newconn") return LoadMode::newconn;
  if (name == "resume") return LoadMode::resume;
  if (name == "websocket") return LoadMode::websocket;
  if (name == "idle") return LoadMode::idle;
  return std::nullopt;
}

inline std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::optional<LoadOptions> parse_load_options(std::span<char*> args) {
  if (args.size() < 2 || args.size() % 2 != 0 || !parse_load_mode(args[1])) return std::nullopt;
  LoadOptions options;
  options.mode = *parse_load_mode(args[1]);
  for (std::size_t i = 2; i + 1 < args.size(); i += 2) {
    const std::string_view name = args[i];
    const char* value = args[i + 1];
    const auto number = [value] { return std::strtoull(value, nullptr, 10); };
    if (name == "--port") {
      options.port = std::atoi(value);
    } else if (name == "--conns") {
      options.connections = number();
    } else if (name == "--secs") {
      options.seconds = std::atof(value);
    } else if (name == "--request") {
      options.request = read_file(value);
    } else if (name == "--body") {
      options.body = number();
    } else if (name == "--status") {
      options.status = std::atoi(value);
    } else if (name == "--expect") {
      options.expect = number();
    } else {
      return std::nullopt;
    }
  }
  if (options.request.empty() || options.port == 0) return std::nullopt;
  return options;
}

}  // namespace bench
