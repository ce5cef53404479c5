// SPDX-License-Identifier: Apache-2.0
//
// `onehop BACKEND` from start to end: start, report, serve, drain.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>
#include <onehop/transport.hpp>

#include "program/access_log.hpp"
#include "program/configuration.hpp"
#include "program/log.hpp"
#include "program/signals.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace onehop::program {

// Returns the exit code of the process.
int serve_backend(const Configuration& configuration, Signals& signals);

// Logs the warnings of parse_command_line().
void warn_of_settings(const Configuration& configuration, Log& log);

// Returns a running server, or the reason why it could not start.
Result<std::unique_ptr<Server>> start_server(const Configuration& configuration,
                                             std::shared_ptr<const Transport> transport,
                                             Log& log,
                                             AccessLog& access_log);

// Serves until a signal asks for the end, and then until the requests in flight have ended or the
// drain timeout has passed. A second signal stops immediately. Returns the exit code of the
// process: 1 if a worker failed. If the last worker fails, it returns without a signal.
int serve_until_signalled(Server& server,
                          const Configuration& configuration,
                          Log& log,
                          Signals& signals);

// The log line for a stop while `requests` are in progress.
std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout);

// The addresses as URLs that can be opened on this machine: "https://localhost:443".
std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses);

// Logs why a server could not start. Returns the exit code.
int report_start_failure(Log& log, const Error& error);

}  // namespace onehop::program
