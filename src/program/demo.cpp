// SPDX-License-Identifier: Apache-2.0
#include "program/demo.hpp"

#include "program/access_log.hpp"
#include "program/demo_backend.hpp"
#include "program/log.hpp"
#include "program/serving.hpp"
#include "server/line_writer.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kPortsToTry = 20;

bool is_taken(const Error& error) {
  return error.code() == std::errc::address_in_use;
}

// Changes "127.0.0.1:8080" to the next port.
void try_next_port(std::string& address) {
  const auto colon = address.rfind(':');
  const int port = std::stoi(address.substr(colon + 1));
  address = address.substr(0, colon + 1) + std::to_string(port + 1);
}

// Returns a running server or the reason why there is none. Only the default port is replaced if it
// is in use.
Result<std::unique_ptr<Server>> start_proxy(Configuration& configuration,
                                            Log& log,
                                            AccessLog& access_log) {
  const bool may_choose = configuration.listen == Configuration::demo_listen();
  for (int tries = 1;; ++tries) {
    auto server = start_server(configuration, nullptr, log, access_log);
    if (server) return server;
    if (!is_taken(server.error()) || !may_choose || tries == kPortsToTry) return server;
    try_next_port(configuration.listen.front());
  }
}

std::string suggestion(std::string command, std::string_view about) {
  constexpr std::size_t kColumn = 52;
  command.resize(std::max(command.size() + 2, kColumn), ' ');
  return "    " + command + std::string(about) + "\n";
}

// Only for a self-made certificate, which no authority vouches for.
std::string fingerprint(const Configuration& configuration, const Server& server) {
  if (!configuration.server.tls || !configuration.server.tls->self_signed) return {};
  return "\n    The certificate was made for this run. Its SHA-256 fingerprint:\n    " +
         server.certificates().front().sha256 + "\n";
}

// The commands to try, for the first address.
std::string invitation(const std::string& place, const std::string& about_certificate) {
  const bool is_socket = place.starts_with("unix:");
  const bool is_secure = place.starts_with("https://");
  const std::string url = is_socket ? "http://demo" : place;
  std::string curl = is_socket ? "curl --unix-socket " + place.substr(5) + " " : "curl ";
  if (is_secure) curl += "-k ";
  std::string text = "\n  onehop demo: the proxy in front of a small built-in backend\n\n";
  if (!is_socket) text += suggestion(url + "/", "open this in a browser, or try:");
  text += suggestion(curl + url + "/", "the request as the backend sees it");
  if (is_secure) {
    text += suggestion(curl + "--http1.1 " + url + "/", "the same over HTTP/1.1, not HTTP/2");
  } else {
    text += suggestion(curl + "--http2-prior-knowledge " + url + "/", "the same over HTTP/2");
  }
  text += suggestion(curl + "-N " + url + "/stream", "a line every 300 ms");
  text += suggestion(curl + "-N " + url + "/events", "server-sent events");
  text += suggestion(curl + "-d hello " + url + "/echo", "echoes the body");
  if (!is_socket) {
    const std::string websocat = is_secure ? "websocat -k ws" : "websocat ws";
    text += suggestion(websocat + place.substr(4) + "/ws", "a WebSocket echo");
  }
  return text + about_certificate + "\n  Ctrl-C ends it. Each request is logged below.\n\n";
}

}  // namespace

int serve_demo(Configuration configuration, Signals& signals) {
  Log log(configuration.verbose);
  AccessLog access_log(configuration.access_log, STDOUT_FILENO);

  warn_of_settings(configuration, log);
  Server backend({.listen = "127.0.0.1:0", .workers = 1});
  if (const auto started = backend.start(make_demo_backend()); !started) {
    return report_start_failure(log, started.error());
  }
  configuration.backend = Url::parse("http://" + backend.addresses().front()).value();

  const auto server = start_proxy(configuration, log, access_log);
  if (!server) return report_start_failure(log, server.error());
  const auto places = urls_of(configuration, (*server)->addresses());
  const std::string about_certificate = fingerprint(configuration, **server);
  // Written before the first line of the access log, unless standard output is stuck.
  server::LineWriter(STDOUT_FILENO).add(invitation(places.front(), about_certificate));
  return serve_until_signalled(**server, configuration, log, signals);
}

}  // namespace onehop::program
