// SPDX-License-Identifier: Apache-2.0
#include "program/serving.hpp"

#include "net/address.hpp"
#include "program/access_log.hpp"
#include "program/https_redirect.hpp"
#include "program/listeners.hpp"
#include "program/log.hpp"
#include "program/proxy_for.hpp"
#include "program/quantities.hpp"
#include "program/startup.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kRunTimeFailure = 1;
constexpr int kUsageFailure = 2;

// Records the listeners' actual addresses: port 0 is known once it is open.
void record_listeners(const Configuration& configuration,
                      const std::vector<std::string>& addresses,
                      Redirects& redirects) {
  const bool has_tls = configuration.server.tls.has_value();
  for (std::size_t i = 0; i < configuration.listen.size(); ++i) {
    const std::string& listener = configuration.listen[i];
    if (is_redirect(listener)) {
      redirects.listeners.push_back(addresses[i]);
    } else if (redirects.https_port == 0 && is_https(listener, has_tls)) {
      redirects.https_port = net::Address::parse_listen(addresses[i])->port();
    }
  }
}

bool has_self_signed(const Configuration& configuration) {
  return configuration.server.tls && configuration.server.tls->self_signed;
}

// Logs settings that reduce security.
void warn_of_risks(const Configuration& configuration, const Server& server, Log& log) {
  if (has_self_signed(configuration)) {
    log.announce("self-signed certificate, SHA-256 fingerprint " +
                 server.certificates().front().sha256);
  }
  if (configuration.transport.tls.insecure) {
    log.announce(
        "--insecure: the backend's certificate is not verified, so anyone in between can read and "
        "change everything",
        LogLevel::warning);
  }
}

void reload(const Configuration& configuration, Server& server, Log& log) {
  if (!configuration.server.tls || has_self_signed(configuration)) {
    log.announce("HUP: there are no TLS files to reload; other settings are read at start-up only");
  } else if (const auto read = server.reload_tls(); read) {
    log.announce("HUP: reloaded the TLS files; new connections use them");
  } else {
    log.announce("HUP: the TLS files cannot be used, so the old ones stay in use: " +
                     std::string(read.error().detail()),
                 LogLevel::error);
  }
}

void finish_access_log(AccessLog& access_log, Log& log) {
  access_log.finish();
  const auto lost = access_log.lost();
  if (lost == 0) return;
  const int error = access_log.write_error();
  log.announce(
      "the access log lost " + std::to_string(lost) + (lost == 1 ? " line" : " lines") +
          ": standard output " +
          (error == 0 ? "was not read fast enough"
                      : "could not be written (" + std::generic_category().message(error) + ")"),
      LogLevel::warning);
}

}  // namespace

int serve_backend(const Configuration& configuration, Signals& signals) {
  Log log(configuration.verbose);
  AccessLog access_log(configuration.access_log, STDOUT_FILENO);
  warn_of_settings(configuration, log);
  const auto transport = std::make_shared<const Transport>(configuration.transport);
  if (configuration.backend.scheme() == "https") {
    const auto prepared = transport->prepare_tls();
    if (!prepared) return report_start_failure(log, prepared.error());
  }
  const auto server = start_server(configuration, transport, log, access_log);
  if (!server) return report_start_failure(log, server.error());
  warn_of_risks(configuration, **server, log);
  const StartupReport report(log, urls_of(configuration, (*server)->addresses()),
                             (*server)->addresses(), configuration.backend);
  const int code = serve_until_signalled(**server, configuration, log, signals);
  finish_access_log(access_log, log);
  return code;
}

void warn_of_settings(const Configuration& configuration, Log& log) {
  for (const std::string& warning : configuration.warnings)
    log.announce(warning, LogLevel::warning);
}

Result<std::unique_ptr<Server>> start_server(const Configuration& configuration,
                                             std::shared_ptr<const Transport> transport,
                                             Log& log,
                                             AccessLog& access_log) {
  std::shared_ptr<const Handler> handler = handler_for(configuration, std::move(transport));
  Server::Options options = server_options(configuration, log, access_log);
  std::unique_ptr<Server> server;
  if (std::ranges::any_of(configuration.listen, is_redirect)) {
    const auto redirects = std::make_shared<Redirects>();
    handler = std::make_shared<const HttpsRedirect>(std::move(handler), redirects);
    options.on_listening = [&, redirects, then = options.on_listening]() -> Result<void> {
      record_listeners(configuration, server->addresses(), *redirects);
      return then ? then() : Result<void>();
    };
  }
  server = std::make_unique<Server>(std::move(options));
  if (const auto started = server->start(std::move(handler)); !started) {
    return failure(started.error());
  }
  return server;
}

int serve_until_signalled(Server& server,
                          const Configuration& configuration,
                          Log& log,
                          Signals& signals) {
  signals.on_other([&](int number) {
    if (number == SIGHUP) return reload(configuration, server, log);
    log.announce(std::string(number == SIGUSR1 ? "USR1" : "USR2") + " was ignored");
  });
  bool is_well = true;
  bool whole = true;
  std::thread stopping;
  const auto stop = [&] {
    if (stopping.joinable()) {  // a second signal
      server.stop(std::chrono::nanoseconds::zero());
      return;
    }
    log.announce(draining_line(server.requests(), configuration.drain_timeout));
    stopping = std::thread([&] { whole = server.stop(configuration.drain_timeout); });
  };
  // The server also ends when its last worker has failed.
  signals.wait_for([&] { is_well = server.wait(); }, stop);
  if (stopping.joinable()) {
    stopping.join();
    log.announce(whole ? "stopped" : "stopped; requests still in progress were aborted");
  } else {
    log.announce("all workers have failed", LogLevel::error);
  }
  // Only the logs remain to be written, and a stuck reader must not delay the exit.
  signals.release();
  return is_well ? 0 : kRunTimeFailure;
}

std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout) {
  if (requests == 0) return "stopping: no requests are in progress";
  return "draining: waiting for " + std::to_string(requests) +
         (requests == 1 ? " request" : " requests") + " for at most " +
         format_duration(drain_timeout) + "; a second signal stops immediately";
}

std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses) {
  const bool has_tls = configuration.server.tls.has_value();
  for (std::size_t i = 0; i < addresses.size() && i < configuration.listen.size(); ++i) {
    const bool secure = is_https(configuration.listen[i], has_tls);
    addresses[i] = url_to_open(secure ? "https" : "http", addresses[i]);
    if (is_redirect(configuration.listen[i])) addresses[i] += " (redirects to https)";
  }
  return addresses;
}

int report_start_failure(Log& log, const Error& error) {
  log.announce(error.detail().empty() ? error.to_string() : std::string(error.detail()),
               LogLevel::error);
  return error.is(Errc::bad_option) ? kUsageFailure : kRunTimeFailure;
}

}  // namespace onehop::program
