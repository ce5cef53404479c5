// SPDX-License-Identifier: Apache-2.0
//
// StartupReport: the lines of the log when serving begins: what listens, where requests go, and
// whether the backend accepts connections now. The last two come from a thread, at most a second
// later; a lookup that takes longer delays neither serving nor the end of the process. Main thread.
#pragma once

#include <onehop/server.hpp>
#include <onehop/url.hpp>

#include "program/backend_probe.hpp"
#include "program/log.hpp"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace onehop::program {

class StartupReport {
 public:
  // `log` outlives it. `urls`: of the listeners, for people; `listeners`: their addresses.
  StartupReport(Log& log,
                const std::vector<std::string>& urls,
                std::vector<std::string> listeners,
                const Url& backend);

 private:
  std::jthread prober_;
};

// The URL that reaches a listener from this machine: "[::]:8080", which is every address, by the
// name localhost. `scheme` is "http" or "https"; a unix socket has none.
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
