// SPDX-License-Identifier: Apache-2.0
//
// Logs messages about a configuration and its use, and maps errors to exit codes.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "config/configuration.hpp"
#include "observe/log.hpp"

#include <string>

namespace onehop::program {

// Reports whether the configuration skips the verification of a backend's certificate.
bool is_insecure(const config::Configuration& configuration);

// Logs the warnings that load() found.
void warn_of_settings(const config::Configuration& configuration, observe::Log& log);
// Logs settings that reduce security.
void warn_of_risks(const config::Configuration& configuration,
                   const Server& server,
                   observe::Log& log);

// Returns the error as one line.
std::string reason_of(const Error& error);
// Logs why a server could not start. Returns the exit code.
int report_start_failure(observe::Log& log, const Error& error);

}  // namespace onehop::program
