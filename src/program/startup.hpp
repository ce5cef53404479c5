// SPDX-License-Identifier: Apache-2.0
//
// StartupReport logs the first lines of a service: its listeners, its backends, and whether each
// backend accepts connections. A thread logs the last two, within 1 s per backend; a slower lookup
// delays neither serving nor the end of the process.
// Thread: owner.
#pragma once

#include <onehop/server.hpp>
#include <onehop/url.hpp>

#include "observe/log.hpp"
#include "program/backend_probe.hpp"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace onehop::program {

class StartupReport {
 public:
  // `log` must outlive the report. `urls` are the listeners' URLs for people, `listeners` their
  // addresses.
  StartupReport(observe::Log& log,
                const std::vector<std::string>& urls,
                std::vector<std::string> listeners,
                const std::vector<config::NamedBackend>& backends);

 private:
  std::jthread prober_;
};

// Returns the URL that reaches a listener from this machine, such as localhost for "[::]:8080",
// which listens on every address. `scheme` is "http" or "https"; a unix socket has none.
std::string url_to_open(std::string_view scheme, const std::string& address);

struct ReportLine {
  LogLevel level = LogLevel::info;
  std::string text;
};

std::string listening_line(const std::vector<std::string>& addresses);
std::vector<ReportLine> backend_lines(const Url& backend,
                                      const ProbeResult& probe,
                                      const std::vector<std::string>& listeners = {});

}  // namespace onehop::program
