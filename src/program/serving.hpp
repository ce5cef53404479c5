// SPDX-License-Identifier: Apache-2.0
//
// `onehop BACKEND` from its first line to its last: start, say so, serve, drain. Main thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "program/configuration.hpp"
#include "program/signals.hpp"

#include <string>
#include <vector>

namespace onehop::program {

// The exit code of the process.
int serve_backend(const Configuration& configuration, Signals& signals);

// Until TERM or INT, and then until what is in flight has ended or its time is up. A second signal
// stops at once.
void serve_until_signalled(Server& server,
                           std::chrono::nanoseconds drain_timeout,
                           Signals& signals);

// The addresses with what is spoken there: "https://[::]:443".
std::vector<std::string> urls_of(const Configuration& configuration,
                                 std::vector<std::string> addresses);

// Why a server could not start, on standard error. The exit code.
int report_start_failure(const Error& error);

}  // namespace onehop::program
