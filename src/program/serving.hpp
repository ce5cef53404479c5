// SPDX-License-Identifier: Apache-2.0
//
// `onehop BACKEND` from its first line to its last: start, say so, serve, drain. Main thread.
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

// The exit code of the process.
int serve_backend(const Configuration& configuration, Signals& signals);

// Says what parse_command_line() found that is no reason not to start.
void warn_of_settings(const Configuration& configuration, Log& log);

// A server that serves, or why it could not start.
Result<std::unique_ptr<Server>> start_server(const Configuration& configuration,
                                             std::shared_ptr<const Transport> transport,
                                             Log& log,
                                             AccessLog& access_log);

// Until a signal asks for the end, and then until what is in flight has ended or its time is up. A
// second one stops at once. Returns the exit code of the process: 1 if a worker has failed, without
// a signal once the last of them has.
int serve_until_signalled(Server& server,
                          const Configuration& configuration,
                          Log& log,
                          Signals& signals);

// What is said when the end has been asked for while so many requests are in progress.
std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout);

// The addresses as URLs that can be opened on this machine: "https://localhost:443".
std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses);

// Logs why a server could not start. The exit code.
int report_start_failure(Log& log, const Error& error);

}  // namespace onehop::program
