// SPDX-License-Identifier: Apache-2.0
#include "program/serving.hpp"

#include "net/address.hpp"
#include "program/access_log.hpp"
#include "program/https_redirect.hpp"
#include "program/log.hpp"
#include "program/proxy_for.hpp"
#include "program/quantities.hpp"
#include "program/startup.hpp"

#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kRunTimeFailure = 1;
constexpr int kUsageFailure = 2;

std::shared_ptr<const Handler> handler_for(const Configuration& configuration,
                                           std::shared_ptr<const Transport> transport) {
  auto proxy = std::make_shared<const ReverseProxy>(proxy_for(configuration, std::move(transport)));
  if (!configuration.redirect_to_https) return proxy;
  const auto secure = net::Address::parse_listen(configuration.listen.front());
  return std::make_shared<const HttpsRedirect>(std::move(proxy), secure->port());
}

bool has_self_signed(const Configuration& configuration) {
  return configuration.server.tls && configuration.server.tls->self_signed;
}

// What nobody should overlook.
void say_how_safe_it_is(const Configuration& configuration, const Server& server, Log& log) {
  if (has_self_signed(configuration)) {
    log.announce("self-signed certificate, SHA-256 fingerprint " +
                 server.certificates().front().sha256);
  }
  if (configuration.transport.tls.insecure) {
    log.announce(
        "--insecure: the backend's certificate is not checked, so anybody in between can read and "
        "change everything",
        LogLevel::warning);
  }
}

void reload(const Configuration& configuration, Server& server, Log& log) {
  if (!configuration.server.tls || has_self_signed(configuration)) {
    log.announce("HUP: there are no TLS files to read again; all else is read at the start only");
  } else if (const auto read = server.reload_tls(); read) {
    log.announce("HUP: the TLS files were read again: new connections use them");
  } else {
    log.announce("HUP: the TLS files cannot be used, and the old ones stay in use: " +
                     std::string(read.error().detail()),
                 LogLevel::error);
  }
}

void report_lost_lines(Log& log, const AccessLog& access_log) {
  if (const auto lost = access_log.lost(); lost > 0) {
    log.write(LogLevel::warning, "the access log lost " + std::to_string(lost) +
                                     " lines: standard output was not read fast enough");
  }
}

}  // namespace

int serve_backend(const Configuration& configuration, Signals& signals) {
  Log log(configuration.verbose);
  AccessLog access_log(configuration.access_log, STDOUT_FILENO);
  const auto transport = std::make_shared<const Transport>(configuration.transport);
  if (configuration.backend.scheme() == "https") {
    const auto prepared = transport->prepare_tls();
    if (!prepared) return report_start_failure(log, prepared.error());
  }
  Server server(server_options(configuration, log, access_log));
  if (const auto started = server.start(handler_for(configuration, transport)); !started) {
    return report_start_failure(log, started.error());
  }
  say_how_safe_it_is(configuration, server, log);
  const StartupReport report(log, urls_of(configuration, server.addresses()),
                             configuration.backend);
  serve_until_signalled(server, configuration, log, signals);
  report_lost_lines(log, access_log);
  return 0;
}

void serve_until_signalled(Server& server,
                           const Configuration& configuration,
                           Log& log,
                           Signals& signals) {
  signals.on_other([&](int number) {
    if (number == SIGHUP) return reload(configuration, server, log);
    log.announce(std::string(number == SIGUSR1 ? "USR1" : "USR2") +
                 " was ignored: it means nothing here");
  });
  signals.wait();
  log.announce(draining_line(server.requests(), configuration.drain_timeout));
  bool whole = true;
  signals.wait_for([&] { whole = server.stop(configuration.drain_timeout); },
                   [&] { server.stop(std::chrono::nanoseconds::zero()); });
  log.announce(whole ? "stopped" : "stopped; what was still in progress was cut");
  // What is left to do is to write the logs, and a reader that is stuck must not keep us.
  signals.release();
}

std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout) {
  if (requests == 0) return "stopping: no request is in progress";
  return "draining: waiting for " + std::to_string(requests) +
         (requests == 1 ? " request" : " requests") + " for at most " +
         format_duration(drain_timeout) + "; a second signal stops at once";
}

std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses) {
  const bool has_tls = configuration.server.tls.has_value();
  for (std::size_t i = 0; i < addresses.size() && i < configuration.listen.size(); ++i) {
    const bool is_socket = addresses[i].starts_with("unix:");
    const bool secure = net::listens_with_tls(configuration.listen[i], has_tls);
    addresses[i] = url_to_open(secure ? "https" : "http", addresses[i]);
    if (!is_socket && !secure && configuration.redirect_to_https) {
      addresses[i] += " (redirects to https)";
    }
  }
  return addresses;
}

int report_start_failure(Log& log, const Error& error) {
  log.announce(error.detail().empty() ? error.to_string() : std::string(error.detail()),
               LogLevel::error);
  return error.is(Errc::bad_option) ? kUsageFailure : kRunTimeFailure;
}

}  // namespace onehop::program
