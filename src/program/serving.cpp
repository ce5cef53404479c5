// SPDX-License-Identifier: Apache-2.0
#include "program/serving.hpp"

#include "program/access_log.hpp"
#include "program/log.hpp"
#include "program/proxy_for.hpp"
#include "program/quantities.hpp"
#include "program/startup.hpp"

#include <cstdio>
#include <string>

#include <unistd.h>

namespace onehop::program {
namespace {

constexpr int kRunTimeFailure = 1;

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
  Server server(server_options(configuration, log, access_log));
  if (const auto started = server.start(proxy_for(configuration)); !started) {
    return report_start_failure(started.error());
  }
  const StartupReport report(server.addresses(), configuration.backend);
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

int report_start_failure(const Error& error) {
  const std::string text = error.detail().empty() ? error.to_string() : std::string(error.detail());
  std::fprintf(stderr, "onehop: %s\n", text.c_str());
  return kRunTimeFailure;
}

}  // namespace onehop::program
