// SPDX-License-Identifier: Apache-2.0
//
// Opens the access log of a configuration, and starts the export of traces, while the process still
// has its initial privileges.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "config/configuration.hpp"
#include "observe/access_log.hpp"
#include "observe/log.hpp"
#include "observe/log_destination.hpp"
#include "observe/trace_exporter.hpp"

#include <memory>

namespace onehop::program {

// Reports whether an access log with these settings goes to a file or a socket, so that it can be
// reopened.
bool can_be_opened_again(observe::AccessLogFormat format,
                         const observe::LogDestination& destination);

// Opens the access log. `log` receives messages about it and must outlive it. Errors: bad_option if
// the file or the socket cannot be opened; the detail names it.
Result<std::unique_ptr<observe::AccessLog>> open_access_log(
    const config::Configuration& configuration, observe::Log& log);

// Starts the export of traces. Returns null without --trace. `log` receives messages about the
// export. Errors: bad_option if TLS needs a file that cannot be used.
Result<std::shared_ptr<observe::TraceExporter>> start_traces(
    const config::Configuration& configuration, observe::Log& log);

}  // namespace onehop::program
