// SPDX-License-Identifier: Apache-2.0
#include "program/serving.hpp"

#include "net/address.hpp"
#include "program/access_log.hpp"
#include "program/https_redirect.hpp"
#include "program/log.hpp"
#include "program/proxy_for.hpp"
#include "program/quantities.hpp"
#include "program/startup.hpp"

#include <cstdio>
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

// What nobody should overlook.
void say_how_safe_it_is(const Configuration& configuration, const Server& server) {
  if (configuration.server.tls && configuration.server.tls->self_signed) {
    std::fprintf(stderr, "onehop: self-signed certificate, SHA-256 fingerprint %s\n",
                 server.certificates().front().sha256.c_str());
  }
  if (configuration.transport.tls.insecure) {
    std::fputs(
        "onehop: WARNING: --insecure: the backend's certificate is not checked, so anybody "
        "in between can read and change everything\n",
        stderr);
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
    if (!prepared) return report_start_failure(prepared.error());
  }
  Server server(server_options(configuration, log, access_log));
  if (const auto started = server.start(handler_for(configuration, transport)); !started) {
    return report_start_failure(started.error());
  }
  say_how_safe_it_is(configuration, server);
  const StartupReport report(urls_of(configuration, server.addresses()), configuration.backend);
  serve_until_signalled(server, configuration.drain_timeout, signals);
  report_lost_lines(log, access_log);
  return 0;
}

void serve_until_signalled(Server& server,
                           std::chrono::nanoseconds drain_timeout,
                           Signals& signals) {
  signals.wait();
  std::fprintf(stderr, "onehop: draining for at most %s; a second signal stops at once\n",
               format_duration(drain_timeout).c_str());
  signals.wait_for([&] { server.stop(drain_timeout); },
                   [&] { server.stop(std::chrono::nanoseconds::zero()); });
  // What is left to do is to write the logs, and a reader that is stuck must not keep us.
  signals.release();
}

std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses) {
  const bool has_tls = configuration.server.tls.has_value();
  for (std::size_t i = 0; i < addresses.size() && i < configuration.listen.size(); ++i) {
    if (addresses[i].starts_with("unix:")) continue;
    const bool secure = net::listens_with_tls(configuration.listen[i], has_tls);
    addresses[i].insert(0, secure ? "https://" : "http://");
    if (!secure && configuration.redirect_to_https) addresses[i] += " (redirects to https)";
  }
  return addresses;
}

int report_start_failure(const Error& error) {
  const std::string text = error.detail().empty() ? error.to_string() : std::string(error.detail());
  std::fprintf(stderr, "onehop: %s\n", text.c_str());
  return error.is(Errc::bad_option) ? kUsageFailure : kRunTimeFailure;
}

}  // namespace onehop::program
