// SPDX-License-Identifier: Apache-2.0
#include "program/messages.hpp"

#include "config/tables.hpp"
#include "program/output.hpp"

#include <algorithm>

namespace onehop::program {

bool is_insecure(const config::Configuration& configuration) {
  return std::ranges::any_of(config::with_tables(configuration),
                             [](const auto* one) { return one->transport.tls.insecure; });
}

void warn_of_settings(const config::Configuration& configuration, observe::Log& log) {
  for (const std::string& warning : configuration.warnings)
    log.announce(warning, LogLevel::warning);
}

void warn_of_risks(const config::Configuration& configuration,
                   const Server& server,
                   observe::Log& log) {
  if (configuration.server.tls && configuration.server.tls->self_signed) {
    log.announce("self-signed certificate, SHA-256 fingerprint " +
                 server.certificates().front().sha256);
  }
  if (is_insecure(configuration)) {
    log.announce(
        "--insecure: the backend's certificate is not verified, so an attacker on the network path "
        "can read and change all traffic",
        LogLevel::warning);
  }
}

std::string reason_of(const Error& error) {
  return error.detail().empty() ? error.to_string() : std::string(error.detail());
}

int report_start_failure(observe::Log& log, const Error& error) {
  log.announce(reason_of(error), LogLevel::error);
  return error.is(Errc::bad_option) ? kUsageFailure : kRunTimeFailure;
}

}  // namespace onehop::program
