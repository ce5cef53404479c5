// SPDX-License-Identifier: Apache-2.0
#include "program/demo.hpp"

#include "program/demo_backend.hpp"
#include "program/messages.hpp"
#include "server/line_writer.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace onehop::program {
namespace {

std::string suggestion(std::string command, std::string_view about) {
  constexpr std::size_t kColumn = 52;
  command.resize(std::max(command.size() + 2, kColumn), ' ');
  return "    " + command + std::string(about) + "\n";
}

// Returns the fingerprint of a self-signed certificate, which no authority vouches for, or "".
std::string fingerprint(const config::Configuration& configuration, const Server& server) {
  if (!configuration.server.tls || !configuration.server.tls->self_signed) return {};
  return "\n    The certificate was made for this run. Its SHA-256 fingerprint:\n    " +
         server.certificates().front().sha256 + "\n";
}

// Returns the commands to try with the first address.
std::string invitation(const std::string& place,
                       const std::string& dashboard,
                       const std::string& about_certificate) {
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
  if (!dashboard.empty()) text += suggestion(dashboard, "the dashboard: what the proxy does now");
  return text + about_certificate + "\n  Ctrl-C ends it. Each request is logged below.\n\n";
}

void set_demo_parts(config::Configuration& configuration, const Url& backend) {
  configuration.backend = backend;
  configuration.backends = {};  // discard those of the environment or of a file
  if (configuration.admin.address.empty()) configuration.admin.address = "127.0.0.1:0";
}

}  // namespace

int serve_demo(Service::Setup setup, Signals& signals) {
  Server backend({.listen = "127.0.0.1:0", .workers = 1});
  const auto link = std::make_shared<DashboardLink>();
  const auto is_started = backend.start(make_demo_backend(link));
  const Url url = is_started ? Url::parse("http://" + backend.addresses().front()).value() : Url();
  set_demo_parts(setup.loaded.configuration, url);
  setup.read = [read = std::move(setup.read), url] {
    config::Loaded loaded = read();
    set_demo_parts(loaded.configuration, url);
    return loaded;
  };
  setup.may_choose_port = setup.loaded.configuration.listen == config::Configuration::demo_listen();

  Service service(std::move(setup));
  if (!is_started) return report_start_failure(service.log(), is_started.error());
  if (const auto started = service.start(signals); !started) {
    return report_start_failure(service.log(), started.error());
  }
  link->set(service.admin_url());
  // The invitation precedes the first line of the access log, unless standard output is stuck.
  server::LineWriter(STDOUT_FILENO)
      .add(invitation(service.urls().front(), service.admin_url(),
                      fingerprint(*service.configuration(), service.server())));
  return service.run(signals);
}

}  // namespace onehop::program
